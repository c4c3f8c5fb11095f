#include "lan/segment.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace lanrage::lan {

Segment make_segment(const PartyId& party, const Prefix& prefix, const Member& self,
                     std::span<const Member> others, std::uint32_t tunnel_mtu) {
  Segment out{
      segment_numbers(party), lan_mtu(tunnel_mtu), prefix, make_station(party, self), {}, {}};
  std::set<Mac> taken{out.self.mac};
  for (const auto& member : others) {
    if (!member.on_segment) {
      out.beside.insert(member.vip);
      continue;
    }
    auto station = make_station(party, member);
    if (taken.insert(station.mac).second) out.others.push_back(std::move(station));
  }
  return out;
}

std::vector<Member> known_first(std::span<const Member> members, const Segment& now) {
  std::vector<Member> out;
  out.reserve(members.size());
  for (const bool known : {true, false})
    std::ranges::copy_if(members, std::back_inserter(out), [&](const Member& member) {
      const auto has_it = std::ranges::find(now.others, member.underlay, &Station::underlay);
      return (has_it != now.others.end()) == known;
    });
  return out;
}

IpAddress broadcast_of(const Prefix& prefix) {
  const auto hosts = prefix.length >= 32 ? 0u : ~std::uint32_t{0} >> prefix.length;
  return IpAddress::v4(prefix.address.v4_value() | hosts);
}

}  // namespace lanrage::lan
