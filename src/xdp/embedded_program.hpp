// The compiled program for the kernel, as an ELF file in memory.
#pragma once

#include "base/bytes.hpp"

namespace lanrage::xdp {

ByteView embedded_program();

}  // namespace lanrage::xdp
