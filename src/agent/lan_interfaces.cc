#include "agent/lan_interfaces.hpp"

#include <algorithm>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>

#include "agent/tunnel_link.hpp"
#include "io/netlink.hpp"
#include "io/route_lookup.hpp"
#include "io/sockaddr.hpp"

namespace lanrage::agent {

std::optional<IpAddress> LanInterface::address(bool v6) const {
  const auto wanted =
      std::ranges::find_if(addresses, [v6](const auto& address) { return address.is_v6() == v6; });
  if (wanted != addresses.end()) return *wanted;
  if (addresses.empty()) return std::nullopt;
  return addresses.front();
}

std::vector<LanInterface> lan_interfaces() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  auto links = io::Links::open();
  std::vector<LanInterface> out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const auto address = io::ip_address_of(entry->ifa_addr);
    constexpr unsigned kWanted = IFF_UP | IFF_MULTICAST;
    if (!address || (entry->ifa_flags & kWanted) != kWanted ||
        (entry->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    const auto same = [&](const auto& known) { return known.name == entry->ifa_name; };
    auto found = std::ranges::find_if(out, same);
    if (found == out.end()) {
      if (links && is_marked_as_ours(*links, entry->ifa_name)) continue;
      out.push_back({if_nametoindex(entry->ifa_name), entry->ifa_name, {}});
      found = std::prev(out.end());
    }
    if (!address->is_link_local() && !address->is_loopback()) found->addresses.push_back(*address);
  }
  for (auto& interface : out)
    std::ranges::sort(interface.addresses);  // IPv4 before IPv6
  return out;
}

std::optional<IpAddress> lan_address(const std::vector<LanInterface>& interfaces) {
  std::vector<IpAddress> all;
  for (const auto& interface : interfaces)
    all.insert(all.end(), interface.addresses.begin(), interface.addresses.end());
  if (const auto routed = io::RouteLookup().source_to_internet(false);
      routed && routed->is_private() && std::ranges::find(all, *routed) != all.end())
    return *routed;
  const auto private4 = [](const auto& a) { return a.is_v4() && a.is_private(); };
  if (const auto found = std::ranges::find_if(all, private4); found != all.end()) return *found;
  if (all.empty()) return std::nullopt;
  return all.front();
}

}  // namespace lanrage::agent
