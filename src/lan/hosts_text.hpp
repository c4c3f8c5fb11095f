// Our block in a hosts file (hosts(5)), whose other lines are somebody else's.
#pragma once

#include <string>
#include <string_view>

#include "lan/names.hpp"

namespace lanrage::lan {

// `text` with these names and no others of agent `id`: where its block stood, else at the end.
// Without names the block is gone. All else stays byte for byte, in between our lines as well: a
// line is ours by how it ends, and by nothing else. A name that another line has is left to that
// line. `id` has letters and digits.
std::string with_hosts_block(std::string_view text, std::string_view id, const NameTable& names);

}  // namespace lanrage::lan
