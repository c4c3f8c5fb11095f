#include "agent/local_addresses.hpp"

#include <algorithm>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <string>

#include "agent/tunnel_link.hpp"
#include "io/netlink.hpp"

namespace lanrage::agent {
namespace {

IpAddress to_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &address, sizeof in);
    return IpAddress::v4(ntohl(in.sin_addr.s_addr));
  }
  sockaddr_in6 in6;
  std::memcpy(&in6, &address, sizeof in6);
  ByteArray<16> bytes;
  std::memcpy(bytes.data(), &in6.sin6_addr, bytes.size());
  return IpAddress::v6(bytes);
}

}  // namespace

std::vector<IpAddress> local_addresses(const std::vector<std::string>& excluded_interfaces) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  auto links = io::Links::open();
  std::vector<IpAddress> out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    if (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6) continue;
    if (std::ranges::find(excluded_interfaces, entry->ifa_name) != excluded_interfaces.end())
      continue;
    const auto address = to_address(*entry->ifa_addr);
    if (address.is_loopback() || address.is_link_local()) continue;
    // The tunnel of one party must not run through another's: both would end up inside each other.
    if (links && is_marked_as_ours(*links, entry->ifa_name)) continue;
    if (std::ranges::find(out, address) == out.end()) out.push_back(address);
  }
  return out;
}

}  // namespace lanrage::agent
