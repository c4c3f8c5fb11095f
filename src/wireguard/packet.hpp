// WireGuard's packet headers as seen from outside (whitepaper section 5.4), and mac1, which tells
// whose public key a handshake packet is meant for without any secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "crypto/keys.hpp"

namespace lanrage::wireguard {

inline constexpr std::size_t kInitiationSize = 148;
inline constexpr std::size_t kResponseSize = 92;
inline constexpr std::size_t kCookieSize = 64;
inline constexpr std::size_t kMinDataSize = 32;  // an empty one: a keepalive

enum class PacketType : std::uint8_t { initiation = 1, response = 2, cookie = 3, data = 4 };

// Indexes are the wire's four bytes read as little-endian, as WireGuard does.
struct Packet {
  PacketType type;
  std::uint32_t sender_index = 0;    // initiation, response
  std::uint32_t receiver_index = 0;  // response, cookie, data

  friend bool operator==(const Packet&, const Packet&) = default;
};

// Nothing unless type, size and the three reserved zero bytes fit. No allocation.
std::optional<Packet> classify(ByteView udp_payload);

// BLAKE2s-256("mac1----" || public key): enough to recognise handshake packets to that key, and
// all that a relay learns of it.
using Mac1Key = ByteArray<32>;
Mac1Key mac1_key(const crypto::ExchangeKey& recipient);

// True for a handshake packet (types 1 and 2) meant for the key that `key` came from.
bool mac1_matches(ByteView packet, const Mac1Key& key);

}  // namespace lanrage::wireguard
