#include "xdp/interfaces.hpp"

#include <algorithm>
#include <cstring>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <map>
#include <memory>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <set>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "io/sockaddr.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::xdp {
namespace {

// Empty where it has none to tell.
std::string driver_of(const std::string& name) {
  const io::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (!fd || ::ioctl(fd.get(), SIOCETHTOOL, &request) != 0) return {};
  return {info.driver, ::strnlen(info.driver, sizeof info.driver)};
}

}  // namespace

std::vector<Interface> ethernet_interfaces(const IpAddress& address) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::map<std::string, Interface> ethernet;
  std::set<std::string> wanted;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const bool up = (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_LOOPBACK) == 0;
    if (!up || entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_PACKET) {
      const auto* link = reinterpret_cast<const sockaddr_ll*>(entry->ifa_addr);
      if (link->sll_hatype != ARPHRD_ETHER) continue;
      Interface& found = ethernet[entry->ifa_name];
      found.index = static_cast<std::uint32_t>(link->sll_ifindex);
      found.name = entry->ifa_name;
      std::copy_n(link->sll_addr, found.mac.size(), found.mac.begin());
      continue;
    }
    const auto own = io::ip_address_of(entry->ifa_addr);
    const bool any = address.is_unspecified() && own && !own->is_link_local();
    if (any || own == address) wanted.insert(entry->ifa_name);
  }
  std::vector<Interface> out;
  for (auto& [name, interface] : ethernet) {
    if (!wanted.contains(name)) continue;
    interface.driver = driver_of(name);
    out.push_back(std::move(interface));
  }
  std::ranges::sort(out, {}, &Interface::index);
  return out;
}

}  // namespace lanrage::xdp
