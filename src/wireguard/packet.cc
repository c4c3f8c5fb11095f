#include "wireguard/packet.hpp"

#include "crypto/hash.hpp"

namespace lanrage::wireguard {
namespace {

// Offsets into handshake packets (whitepaper sections 5.4.2 and 5.4.3): mac1 covers all before it.
constexpr std::size_t kMacSize = 16;
constexpr std::size_t kInitiationMac1 = kInitiationSize - 2 * kMacSize;
constexpr std::size_t kResponseMac1 = kResponseSize - 2 * kMacSize;

std::uint32_t little_endian32(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(bytes[offset]) |
         static_cast<std::uint32_t>(bytes[offset + 1]) << 8 |
         static_cast<std::uint32_t>(bytes[offset + 2]) << 16 |
         static_cast<std::uint32_t>(bytes[offset + 3]) << 24;
}

}  // namespace

std::optional<Packet> classify(ByteView udp_payload) {
  const std::size_t size = udp_payload.size();
  if (size < kMinDataSize) return std::nullopt;
  switch (little_endian32(udp_payload, 0)) {  // the type, and three bytes that must be zero
    case 1:
      if (size != kInitiationSize) return std::nullopt;
      return Packet{.type = PacketType::initiation,
                    .sender_index = little_endian32(udp_payload, 4)};
    case 2:
      if (size != kResponseSize) return std::nullopt;
      return Packet{.type = PacketType::response,
                    .sender_index = little_endian32(udp_payload, 4),
                    .receiver_index = little_endian32(udp_payload, 8)};
    case 3:
      if (size != kCookieSize) return std::nullopt;
      return Packet{.type = PacketType::cookie, .receiver_index = little_endian32(udp_payload, 4)};
    case 4:
      return Packet{.type = PacketType::data, .receiver_index = little_endian32(udp_payload, 4)};
    default:
      return std::nullopt;
  }
}

Mac1Key mac1_key(const crypto::ExchangeKey& recipient) {
  return crypto::blake2s_256({as_bytes("mac1----"), recipient.bytes});
}

bool mac1_matches(ByteView packet, const Mac1Key& key) {
  const auto header = classify(packet);
  if (!header) return false;
  std::size_t mac1 = 0;
  if (header->type == PacketType::initiation)
    mac1 = kInitiationMac1;
  else if (header->type == PacketType::response)
    mac1 = kResponseMac1;
  else
    return false;
  return crypto::equal_in_constant_time(crypto::blake2s_128_keyed(key, packet.first(mac1)),
                                        packet.subspan(mac1, kMacSize));
}

}  // namespace lanrage::wireguard
