#include "agent/local_addresses.hpp"

#include <algorithm>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <string>

#include "agent/tunnel_link.hpp"
#include "io/netlink.hpp"
#include "io/sockaddr.hpp"

namespace lanrage::agent {

std::vector<IpAddress> local_addresses(const std::vector<std::string>& excluded_interfaces,
                                       Interfaces which) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  auto links = io::Links::open();
  const unsigned wanted = which == Interfaces::up ? IFF_UP : IFF_UP | IFF_RUNNING;
  std::vector<IpAddress> out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const auto address = io::ip_address_of(entry->ifa_addr);
    if (!address || (entry->ifa_flags & wanted) != wanted) continue;
    if (std::ranges::find(excluded_interfaces, entry->ifa_name) != excluded_interfaces.end())
      continue;
    if (address->is_loopback() || address->is_link_local()) continue;
    // The tunnel of one party must not run through another's: both would end up inside each other.
    if (links && is_marked_as_ours(*links, entry->ifa_name)) continue;
    if (std::ranges::find(out, *address) == out.end()) out.push_back(*address);
  }
  return out;
}

}  // namespace lanrage::agent
