// IP packets that carry UDP, whole or in fragments, taken apart and put together again on the
// segment.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lan/station.hpp"

namespace lanrage::lan {

struct Fragment {
  std::uint32_t id = 0;      // IPv4: 16 bits
  std::uint16_t offset = 0;  // bytes, a multiple of 8
  bool more = false;

  friend bool operator==(const Fragment&, const Fragment&) = default;
};

struct IpPacket {
  IpAddress source;
  IpAddress destination;
  std::uint8_t hop_limit = 0;
  std::optional<Fragment> fragment{};
  // Of the UDP datagram, its header included; of a later fragment what it carries.
  ByteView data{};

  bool is_first() const { return !fragment || fragment->offset == 0; }
};

// From the IP header on. Nothing for another protocol, options (of IPv6: headers but that of
// fragments), and what is cut short; a first part has a whole UDP header. What follows the packet
// is ignored.
std::optional<IpPacket> parse_udp_packet(ByteView packet);

struct UdpPorts {
  std::uint16_t source;
  std::uint16_t destination;
};
UdpPorts ports_of(ByteView datagram);  // of a UDP header

// What the packet carries, as sent from `source` to `destination` instead: a whole datagram gets
// its checksum anew (the kernel may have left that to the network card); of a first fragment, the
// sum follows the change of addresses (RFC 1624).
Bytes readdressed(const IpPacket& packet, const IpAddress& source, const IpAddress& destination);

// `packet` as Ethernet frames whose packets have at most `mtu` bytes (1280 or more; IPv4: 68 or
// more); `id` is the number of its fragments if it isn't one already.
std::vector<Bytes> ethernet_frames(const IpPacket& packet, const Mac& from, const Mac& to,
                                   std::uint32_t mtu, std::uint32_t id);

}  // namespace lanrage::lan
