#include "base/encoding.hpp"

#include <cstdint>

namespace lanrage {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Packs `bits`-wide digits, most significant first; the last digit is filled up with zeros.
std::string encode(ByteView bytes, std::string_view alphabet, unsigned bits) {
  std::string out;
  out.reserve((bytes.size() * 8 + bits - 1) / bits);
  std::uint32_t pending = 0;
  unsigned count = 0;
  for (std::uint8_t byte : bytes) {
    pending = pending << 8 | byte;
    count += 8;
    while (count >= bits) {
      count -= bits;
      out.push_back(alphabet[pending >> count & ((1u << bits) - 1)]);
    }
  }
  if (count > 0) out.push_back(alphabet[pending << (bits - count) & ((1u << bits) - 1)]);
  return out;
}

// The inverse; refuses foreign characters, a digit too many and non-zero fill bits.
std::optional<Bytes> decode(std::string_view text, std::string_view alphabet, unsigned bits,
                            bool fold_case) {
  Bytes out;
  out.reserve(text.size() * bits / 8);
  std::uint32_t pending = 0;
  unsigned count = 0;
  for (char c : text) {
    auto digit = alphabet.find(fold_case ? lower(c) : c);
    if (digit == std::string_view::npos) return std::nullopt;
    pending = pending << bits | static_cast<std::uint32_t>(digit);
    count += bits;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<std::uint8_t>(pending >> count));
    }
  }
  if (count >= bits || (pending & ((1u << count) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  return encode(bytes, kHex, 4);
}
std::optional<Bytes> from_hex(std::string_view text) {
  return decode(text, kHex, 4, true);
}
std::string to_base32(ByteView bytes) {
  return encode(bytes, kBase32, 5);
}
std::optional<Bytes> from_base32(std::string_view text) {
  return decode(text, kBase32, 5, true);
}

std::string to_base64(ByteView bytes) {
  auto out = encode(bytes, kBase64, 6);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int pad = 0; pad < 2 && text.ends_with('='); ++pad)
    text.remove_suffix(1);
  return decode(text, kBase64, 6, false);
}

bool is_printable_utf8(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    std::uint8_t first = byte(i);
    if (first < 0x80) {
      if (first < 0x20 || first == 0x7f) return false;
      ++i;
      continue;
    }
    std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || i + length > text.size()) return false;
    std::uint32_t point = first & (0xffu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
      point = point << 6 | (byte(i + k) & 0x3fu);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ||
        (point >= 0x80 && point < 0xa0))
      return false;
    i += length;
  }
  return true;
}

}  // namespace lanrage
