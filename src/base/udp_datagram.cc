#include "base/udp_datagram.hpp"

namespace lanrage {
namespace {

constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::uint8_t kUdpProtocol = 17;

std::uint32_t add_words(std::uint32_t sum, ByteView bytes) {
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  if (bytes.size() % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back() << 8);
  return sum;
}

}  // namespace

std::uint16_t udp_checksum(const IpAddress& from, const IpAddress& to, ByteView datagram) {
  // The pseudo header: addresses, length, protocol. At most 33,000 words: no overflow of 32 bits.
  std::uint32_t sum = add_words(add_words(0, from.bytes()), to.bytes());
  sum += static_cast<std::uint32_t>(datagram.size()) + kUdpProtocol;
  sum = add_words(sum, datagram);
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

Bytes udp_datagram(const Endpoint& from, const Endpoint& to, ByteView payload) {
  ByteWriter out;
  out.u16(from.port).u16(to.port);
  out.u16(static_cast<std::uint16_t>(kUdpHeader + payload.size())).u16(0).raw(payload);
  auto checksum = udp_checksum(from.address, to.address, out.bytes());
  if (checksum == 0) checksum = 0xffff;  // zero on the wire means: none
  out.buffer()[6] = static_cast<std::uint8_t>(checksum >> 8);
  out.buffer()[7] = static_cast<std::uint8_t>(checksum);
  return std::move(out).take();
}

std::optional<UdpPacket> parse_udp(ByteView datagram) {
  ByteReader reader(datagram);
  UdpPacket out{.source_port = reader.u16(), .destination_port = reader.u16(), .payload = {}};
  const std::size_t length = reader.u16();
  if (!reader.ok() || length < kUdpHeader || length > datagram.size()) return std::nullopt;
  out.payload = datagram.first(length).subspan(kUdpHeader);
  return out;
}

std::optional<IpUdpPacket> parse_ipv4_udp(ByteView packet) {
  if (packet.size() < kIpv4Header || packet[0] >> 4 != 4) return std::nullopt;
  const std::size_t header = (packet[0] & 0x0fu) * 4u;
  const bool fragment =
      (packet[6] & 0x3f) != 0 || packet[7] != 0;  // more to come, or not the first
  if (header < kIpv4Header || header > packet.size() || fragment || packet[9] != kUdpProtocol)
    return std::nullopt;
  const auto udp = parse_udp(packet.subspan(header));
  if (!udp) return std::nullopt;
  ByteReader addresses(packet.subspan(12));
  return IpUdpPacket{.source = IpAddress::v4(addresses.array<4>()),
                     .destination = IpAddress::v4(addresses.array<4>()),
                     .udp = *udp};
}

std::optional<IpUdpPacket> parse_ipv6_udp(ByteView packet) {
  if (packet.size() < kIpv6Header || packet[0] >> 4 != 6 || packet[6] != kUdpProtocol)
    return std::nullopt;
  const auto udp = parse_udp(packet.subspan(kIpv6Header));
  if (!udp) return std::nullopt;
  ByteReader addresses(packet.subspan(8));
  return IpUdpPacket{.source = IpAddress::v6(addresses.array<16>()),
                     .destination = IpAddress::v6(addresses.array<16>()),
                     .udp = *udp};
}

}  // namespace lanrage
