// UDP headers by hand (RFC 768), and what raw sockets hand over.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace lanrage {

// UDP header with checksum, and payload. Both addresses are of one family; the sum of payload and
// header must be below 64 KiB.
Bytes udp_datagram(const Endpoint& from, const Endpoint& to, ByteView payload);

// The UDP checksum (RFC 768, RFC 8200 section 8.1) over `datagram`, whose checksum field is taken
// as it stands: with it zero, what to write there; with it right, 0.
std::uint16_t udp_checksum(const IpAddress& from, const IpAddress& to, ByteView datagram);

struct UdpPacket {
  std::uint16_t source_port;
  std::uint16_t destination_port;
  ByteView payload;
};

// Nothing when it is cut short.
std::optional<UdpPacket> parse_udp(ByteView datagram);

struct IpUdpPacket {
  IpAddress source;
  IpAddress destination;
  UdpPacket udp;
};

// A whole IPv4 packet, options included, that carries UDP and is no fragment.
std::optional<IpUdpPacket> parse_ipv4_udp(ByteView packet);

// The same for IPv6 without extension headers.
std::optional<IpUdpPacket> parse_ipv6_udp(ByteView packet);

}  // namespace lanrage
