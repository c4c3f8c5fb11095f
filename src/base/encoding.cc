#include "base/encoding.hpp"

#include <cstdint>

#include "base/secret_encoding.hpp"

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
template <class Text>
Text encode(ByteView bytes, std::string_view alphabet, unsigned bits) {
  Text out;
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

template <class Text>
Text padded(Text base64) {
  base64.append((4 - base64.size() % 4) % 4, '=');
  return base64;
}

struct Digits {
  std::string_view text;
  std::string_view alphabet;
  unsigned bits;
  bool fold_case;

  std::size_t bytes() const { return text.size() * bits / 8; }
};

// The inverse; refuses foreign characters, a digit too many and non-zero fill bits.
bool decode(const Digits& digits, MutableByteView out) {
  if (digits.bytes() != out.size()) return false;
  std::size_t written = 0;
  std::uint32_t pending = 0;
  unsigned count = 0;
  for (char c : digits.text) {
    auto digit = digits.alphabet.find(digits.fold_case ? lower(c) : c);
    if (digit == std::string_view::npos) return false;
    pending = pending << digits.bits | static_cast<std::uint32_t>(digit);
    count += digits.bits;
    if (count >= 8) {
      count -= 8;
      out[written++] = static_cast<std::uint8_t>(pending >> count);
    }
  }
  return count < digits.bits && (pending & ((1u << count) - 1)) == 0;
}

std::optional<Bytes> decode(const Digits& digits) {
  Bytes out(digits.bytes());
  return decode(digits, out) ? std::optional(std::move(out)) : std::nullopt;
}

Digits hex(std::string_view text) {
  return {text, kHex, 4, true};
}
Digits base32(std::string_view text) {
  return {text, kBase32, 5, true};
}
// Nothing where the padding isn't right.
std::optional<Digits> base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int pad = 0; pad < 2 && text.ends_with('='); ++pad)
    text.remove_suffix(1);
  return Digits{text, kBase64, 6, false};
}

}  // namespace

std::string to_hex(ByteView bytes) {
  return encode<std::string>(bytes, kHex, 4);
}
WipedString to_wiped_hex(ByteView bytes) {
  return encode<WipedString>(bytes, kHex, 4);
}
std::optional<Bytes> from_hex(std::string_view text) {
  return decode(hex(text));
}
bool from_hex(std::string_view text, MutableByteView out) {
  return decode(hex(text), out);
}

std::string to_base32(ByteView bytes) {
  return encode<std::string>(bytes, kBase32, 5);
}
WipedString to_wiped_base32(ByteView bytes) {
  return encode<WipedString>(bytes, kBase32, 5);
}
std::optional<Bytes> from_base32(std::string_view text) {
  return decode(base32(text));
}
bool from_base32(std::string_view text, MutableByteView out) {
  return decode(base32(text), out);
}

std::string to_base64(ByteView bytes) {
  return padded(encode<std::string>(bytes, kBase64, 6));
}
WipedString to_wiped_base64(ByteView bytes) {
  return padded(encode<WipedString>(bytes, kBase64, 6));
}
std::optional<Bytes> from_base64(std::string_view text) {
  const auto digits = base64(text);
  return digits ? decode(*digits) : std::nullopt;
}
bool from_base64(std::string_view text, MutableByteView out) {
  const auto digits = base64(text);
  return digits && decode(*digits, out);
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
