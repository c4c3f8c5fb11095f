// A QR code as a terminal shows it.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

namespace lanrage::cli {

// Lines of half blocks, two rows of modules each, with the quiet zone around. Blocks are the light
// modules; `colours` makes them white on black whatever the terminal's colours are, without them
// its background must be dark. Letters become upper case, which an invite may be in: the code is
// then small enough for 24 lines. Empty when the text is too long for a QR code.
std::string qr_code(std::string_view text, bool colours);

// Where colour codes make sense.
bool is_terminal(const std::ostream& out);

}  // namespace lanrage::cli
