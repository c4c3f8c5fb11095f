// Shared by the tests of this module.
#pragma once

#include <algorithm>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "crypto/hash.hpp"
#include "path/action.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::path {

inline Endpoint at(const char* text) {
  return *Endpoint::parse(text);
}
inline constexpr Instant kStart{std::chrono::seconds(1'000)};
using ms = std::chrono::milliseconds;

// WireGuard's handshake packets with a right mac1 and indexes below 256.
inline Bytes handshake_packet(std::uint8_t type, std::size_t size, std::uint8_t sender,
                              std::uint8_t receiver, const crypto::ExchangeKey& to) {
  Bytes packet(size);
  packet[0] = type;
  packet[4] = sender;
  packet[8] = receiver;
  auto mac1 = crypto::blake2s_128_keyed(wireguard::mac1_key(to), ByteView(packet).first(size - 32));
  std::ranges::copy(mac1, packet.end() - 32);
  return packet;
}
inline Bytes initiation(std::uint8_t sender, const crypto::ExchangeKey& to) {
  return handshake_packet(1, wireguard::kInitiationSize, sender, 0, to);
}
inline Bytes response(std::uint8_t sender, std::uint8_t receiver, const crypto::ExchangeKey& to) {
  return handshake_packet(2, wireguard::kResponseSize, sender, receiver, to);
}

template <class T>
std::vector<T> all_of(const Actions& actions) {
  std::vector<T> out;
  for (const Action& action : actions)
    if (const T* found = std::get_if<T>(&action)) out.push_back(*found);
  return out;
}
template <class T>
bool any_of(const Actions& actions) {
  return !all_of<T>(actions).empty();
}

}  // namespace lanrage::path
