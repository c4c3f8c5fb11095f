#include "mapping_daemon.hpp"

#include <fstream>

namespace lanrage::lab {

IpAddress MappingDaemon::external_address() {
  return *IpAddress::parse("11.22.33.44");
}

MappingDaemon::MappingDaemon(const Router& router, portmap::Method method) {
  const std::string external = external_address().to_string();
  router.netns().ip("addr add " + external + "/32 dev wan");
  router.netns().nft(R"(
table inet upnp {
  chain forward { type filter hook forward priority 0; jump UPnP; }
  chain UPnP { }
  chain prerouting { type nat hook prerouting priority -100; jump UPnP-nat; }
  chain UPnP-nat { }
  chain postrouting { type nat hook postrouting priority 100; jump UPnP-post; }
  chain UPnP-post { }
}
)");
  // It knows both or none of them by its settings; requests of version 2 are PCP's.
  if (method == portmap::Method::nat_pmp)
    router.netns().nft(R"(
table inet no_pcp {
  chain input { type filter hook input priority 0; udp dport 5351 @th,64,8 2 drop; }
}
)");
  const bool upnp = method == portmap::Method::upnp;
  const auto config = directory_.path() / "miniupnpd.conf";
  std::ofstream(config) << "ext_ifname=wan\nlistening_ip=lan\nhttp_port=5000\nipv6_disable=yes\n"
                        << "enable_natpmp=" << (upnp ? "no" : "yes")
                        << "\nenable_upnp=" << (upnp ? "yes" : "no")
                        << "\nsecure_mode=yes\nupnp_table_name=upnp\nupnp_nat_table_name=upnp\n"
                           "upnp_forward_chain=UPnP\nupnp_nat_chain=UPnP-nat\n"
                           "upnp_nat_postrouting_chain=UPnP-post\n"
                           "uuid=014a3ce7-0fb1-4f82-b4ed-81c89dcaa4c5\n"
                           "allow 1024-65535 0.0.0.0/0 1024-65535\next_ip="
                        << external << "\n";
  process_ = std::make_unique<Process>(
      Argv{"/usr/sbin/miniupnpd", "-d", "-f", config.string(), "-P",
           (directory_.path() / "pid").string()},
      Process::Options{.netns_fd = router.netns().fd(), .log_prefix = directory_.path() / "igd"});
}

void MappingDaemon::add_route(const NetNamespace& from, const Router& router) {
  from.ip("route add " + external_address().to_string() + " via " +
          router.wan_address().to_string());
}

bool MappingDaemon::forwards(const Router& router, std::uint16_t port) {
  const std::string rules =
      must_run({"nft", "list", "table", "inet", "upnp"}, {.netns_fd = router.netns().fd()});
  return rules.find("dport " + std::to_string(port) + " ") != std::string::npos;
}

}  // namespace lanrage::lab
