// Text forms of bytes: lower-case hex, RFC 4648 base64 (padded) and base32 (lower-case, unpadded).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace lanrage {

std::string to_hex(ByteView bytes);
std::optional<Bytes> from_hex(std::string_view text);

std::string to_base64(ByteView bytes);
// Strict: padding required, no whitespace, unused bits zero.
std::optional<Bytes> from_base64(std::string_view text);

// Lower-case a-z2-7 without padding (RFC 4648 alphabet).
std::string to_base32(ByteView bytes);
// Either case; unused bits must be zero.
std::optional<Bytes> from_base32(std::string_view text);

// True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without control
// characters.
bool is_printable_utf8(std::string_view text);

}  // namespace lanrage
