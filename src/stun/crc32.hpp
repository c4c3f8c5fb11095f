// CRC-32 as FINGERPRINT uses it (ITU V.42, reflected 0x04C11DB7). Private to stun/.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace lanrage::stun {

constexpr std::array<std::uint32_t, 256> make_crc32_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0u);
    table[i] = value;
  }
  return table;
}

inline std::uint32_t crc32(ByteView data) {
  static constexpr auto kTable = make_crc32_table();
  std::uint32_t value = 0xFFFFFFFFu;
  for (std::uint8_t byte : data)
    value = value >> 8 ^ kTable[(value ^ byte) & 0xFF];
  return ~value;
}

// RFC 8489 14.7: XOR-ed so that a CRC of another protocol in the same place doesn't match.
inline std::uint32_t fingerprint_of(ByteView message_before_it) {
  return crc32(message_before_it) ^ 0x5354554Eu;
}

}  // namespace lanrage::stun
