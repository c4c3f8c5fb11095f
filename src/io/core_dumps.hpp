// Keys stand in our memory: no image of it may land on a disk.
#pragma once

namespace lanrage::io {

// No core file, none for a handler that core_pattern pipes to either (programs that we start
// inherit both), and no other process of our user may trace us or read our memory.
void forbid_core_dumps();

}  // namespace lanrage::io
