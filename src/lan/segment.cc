#include "lan/segment.hpp"

#include <set>

namespace lanrage::lan {

Segment make_segment(const PartyId& party, const Prefix& prefix, const Member& self,
                     std::span<const Member> others, std::uint32_t tunnel_mtu) {
  Segment out{segment_numbers(party), lan_mtu(tunnel_mtu), prefix, make_station(party, self), {}};
  std::set<Mac> taken{out.self.mac};
  for (const auto& member : others) {
    auto station = make_station(party, member);
    if (taken.insert(station.mac).second) out.others.push_back(std::move(station));
  }
  return out;
}

IpAddress broadcast_of(const Prefix& prefix) {
  const auto hosts = prefix.length >= 32 ? 0u : ~std::uint32_t{0} >> prefix.length;
  return IpAddress::v4(prefix.address.v4_value() | hosts);
}

}  // namespace lanrage::lan
