#include "agent/local_addresses.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <ifaddrs.h>
#include <iterator>
#include <linux/if_addr.h>
#include <memory>
#include <net/if.h>
#include <sstream>
#include <string>

#include "agent/tunnel_link.hpp"
#include "base/encoding.hpp"
#include "io/netlink.hpp"
#include "io/sockaddr.hpp"

namespace lanrage::agent {

std::vector<IpAddress> unusable_ipv6(std::string_view if_inet6) {
  constexpr unsigned kUnusable = IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED;
  std::vector<IpAddress> out;
  std::istringstream lines{std::string(if_inet6)};
  // "20010db8000000000000000000000010 02 40 00 80     eth0": address, interface, prefix length,
  // scope and flags, all hexadecimal.
  std::string address, index, length, scope, flags, name;
  while (lines >> address >> index >> length >> scope >> flags >> name) {
    const auto bytes = from_hex(address);
    if (!bytes || bytes->size() != 16) continue;
    if ((std::strtoul(flags.c_str(), nullptr, 16) & kUnusable) == 0) continue;
    ByteArray<16> value;
    std::ranges::copy(*bytes, value.begin());
    out.push_back(IpAddress::v6(value));
  }
  return out;
}

std::vector<IpAddress> local_addresses(const std::vector<std::string>& excluded_interfaces,
                                       Interfaces which) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  auto links = io::Links::open();
  const unsigned wanted = which == Interfaces::up ? IFF_UP : IFF_UP | IFF_RUNNING;
  std::ifstream file("/proc/thread-self/net/if_inet6");
  const auto unusable = unusable_ipv6(std::string(std::istreambuf_iterator<char>(file), {}));
  std::vector<IpAddress> out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const auto address = io::ip_address_of(entry->ifa_addr);
    if (!address || (entry->ifa_flags & wanted) != wanted) continue;
    if (std::ranges::find(excluded_interfaces, entry->ifa_name) != excluded_interfaces.end())
      continue;
    if (address->is_loopback() || address->is_link_local()) continue;
    if (std::ranges::find(unusable, *address) != unusable.end()) continue;
    // The tunnel of one party must not run through another's: both would end up inside each other.
    if (links && is_marked_as_ours(*links, entry->ifa_name)) continue;
    if (std::ranges::find(out, *address) == out.end()) out.push_back(*address);
  }
  return out;
}

}  // namespace lanrage::agent
