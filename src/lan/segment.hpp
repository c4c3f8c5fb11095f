// The party's Ethernet segment as it should be, from the verified membership: a VXLAN device
// (RFC 7348) on the WireGuard device, for which everybody's place is known beforehand.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "lan/station.hpp"

namespace lanrage::lan {

// IPv6, UDP, VXLAN and Ethernet headers around a packet of the segment.
inline constexpr std::uint32_t kEncapsulation = 40 + 8 + 8 + 14;
constexpr std::uint32_t lan_mtu(std::uint32_t tunnel_mtu) {
  return tunnel_mtu - kEncapsulation;
}

// From which every VXLAN datagram comes. Below 1024: no user's program on a member's machine can
// send frames in its agent's name.
inline constexpr std::uint16_t kSourcePort = 868;

struct Segment {
  SegmentNumbers numbers;
  std::uint32_t mtu;  // of the LAN device
  Prefix prefix;      // of the virtual IPs
  Station self;
  std::vector<Station> others;
  // Virtual IPs of members without a segment: their packets come and go by the WireGuard device.
  std::set<IpAddress> beside{};

  friend bool operator==(const Segment&, const Segment&) = default;
};

// Others with a MAC that we or somebody before them have are left out: honest keys never meet there
// (46 bits), so such a key was searched for. The earlier in `others`, the better the right.
Segment make_segment(const PartyId& party, const Prefix& prefix, const Member& self,
                     std::span<const Member> others, std::uint32_t tunnel_mtu);

// `members` with those first whom `now` has already: a newcomer's key mustn't take their place.
std::vector<Member> known_first(std::span<const Member> members, const Segment& now);

// The last address of an IPv4 prefix.
IpAddress broadcast_of(const Prefix& prefix);

}  // namespace lanrage::lan
