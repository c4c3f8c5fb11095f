// Text forms of secrets, as those of base/encoding.hpp: in memory that is wiped.
#pragma once

#include "base/wiped.hpp"

namespace lanrage {

WipedString to_wiped_hex(ByteView bytes);
WipedString to_wiped_base64(ByteView bytes);
WipedString to_wiped_base32(ByteView bytes);

// Straight to where the bytes belong. False when the text isn't that of just so many bytes; some of
// them may be written then.
bool from_hex(std::string_view text, MutableByteView out);
bool from_base64(std::string_view text, MutableByteView out);
bool from_base32(std::string_view text, MutableByteView out);

}  // namespace lanrage
