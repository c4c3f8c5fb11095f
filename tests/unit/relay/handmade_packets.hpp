// WireGuard packets as far as a relay looks at them: headers, indexes and a right mac1.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "crypto/hash.hpp"
#include "relay/token.hpp"

namespace lanrage::relay {

inline const Endpoint kRelayEndpoint = *Endpoint::parse("203.0.113.1:51820");
inline const RelayId kRelayId{{9, 9, 9}};
inline const UnixTime kToday{std::chrono::milliseconds(1'800'000'000'000)};

inline void put_u32_le(Bytes& packet, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i)
    packet[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

inline Bytes with_mac1(Bytes packet, const ByteArray<32>& mac1_key) {
  std::size_t at = packet.size() - 32;
  auto mac = crypto::blake2s_128_keyed(mac1_key, ByteView(packet).first(at));
  std::copy(mac.begin(), mac.end(), packet.begin() + static_cast<std::ptrdiff_t>(at));
  return packet;
}
inline Bytes initiation(std::uint32_t sender, const ByteArray<32>& to) {
  Bytes packet(148);
  packet[0] = 1;
  put_u32_le(packet, 4, sender);
  return with_mac1(std::move(packet), to);
}
inline Bytes response(std::uint32_t sender, std::uint32_t receiver, const ByteArray<32>& to) {
  Bytes packet(92);
  packet[0] = 2;
  put_u32_le(packet, 4, sender);
  put_u32_le(packet, 8, receiver);
  return with_mac1(std::move(packet), to);
}
inline Bytes cookie(std::uint32_t receiver) {
  Bytes packet(64);
  packet[0] = 3;
  put_u32_le(packet, 4, receiver);
  return packet;
}
inline Bytes data(std::uint32_t receiver, std::size_t size = 128) {
  Bytes packet(size);
  packet[0] = 4;
  put_u32_le(packet, 4, receiver);
  return packet;
}

}  // namespace lanrage::relay
