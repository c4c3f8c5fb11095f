// Which multicast groups this machine's programs have joined, and which of them to join on the
// segment as well: the kernel then hands what arrives there to all of those programs.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::lan {

struct Joined {
  std::string interface;
  IpAddress group;

  friend bool operator==(const Joined&, const Joined&) = default;
};

// The text of /proc/net/igmp and /proc/net/igmp6. Lines of another form are passed over.
std::vector<Joined> parse_igmp(std::string_view text);
std::vector<Joined> parse_igmp6(std::string_view text);

// A program that joins hundreds would have us send as many reports.
inline constexpr std::size_t kMostGroups = 64;

// `segments`: the LAN devices of all parties. Joins there are ours, and would keep each other
// alive. At most kMostGroups, the lowest addresses first.
std::set<IpAddress> groups_to_join(const std::vector<Joined>& joined,
                                   const std::set<std::string>& segments);

}  // namespace lanrage::lan
