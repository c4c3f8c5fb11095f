#include "support/network.hpp"

#include <algorithm>
#include <cstdio>
#include <thread>

#include "support/process.hpp"

namespace lanrage::lab {
namespace {

constexpr std::uint32_t kFirstPrefix = 0xCB007100;   // 203.0.113.0/24
constexpr std::uint32_t kSecondPrefix = 0xC6336400;  // 198.51.100.0/24

std::string text(std::uint32_t address) {
  return IpAddress::v4(address).to_string();
}

std::uint32_t gateway_of(const IpAddress& address) {
  return (address.v4_value() & ~0xFFu) + 1;
}

// 2001:db8:NET::HOST; network 0 is the bridge's own.
IpAddress ipv6_address(int network, int host) {
  char text[40];
  std::snprintf(text, sizeof text, "2001:db8:%x::%x", static_cast<unsigned>(network),
                static_cast<unsigned>(host));
  return *IpAddress::parse(text);
}

constexpr int kGateway = 1;

// Without duplicate address detection, which would make it wait.
std::string add_ipv6(const IpAddress& address, const std::string& interface) {
  return "addr add " + address.to_string() + "/64 dev " + interface + " nodad\n";
}

std::string ipv6_default_route(const IpAddress& gateway) {
  return "route add default via " + gateway.to_string() + "\n";
}

}  // namespace

Router::Router(const std::string& role, NatKind kind, IpAddress wan_address, Prefix lan,
               bool hairpin)
    : netns_(role),
      kind_(kind),
      wan_address_(wan_address),
      public_address_(wan_address),
      lan_(lan),
      hairpin_(hairpin) {
  netns_.sysctl("net/ipv4/ip_forward", "1");
  const std::string gateway = text(lan_.address.v4_value() + 1);
  netns_.ip("link add lan type bridge\naddr add " + gateway + "/24 dev lan\nlink set lan up\n");
}

void Router::forward(Transport transport, std::uint16_t port, const Host& to) {
  forwards_.push_back({transport, port, to.address()});
  apply_rules();
}

void Router::block(const IpAddress& outside, Way way) {
  blocked_.push_back({outside, way});
  apply_rules();
}

void Router::unblock() {
  blocked_.clear();
  apply_rules();
}

void Router::apply_rules() const {
  netns_.nft(nat_ruleset({.kind = kind_,
                          .wan_address = wan_address_,
                          .hairpin = hairpin_,
                          .forwards = forwards_,
                          .blocked = blocked_}));
  if (ipv6_network_ != 0) netns_.nft(ipv6_ruleset(kind_, blocked_));
}

Network::Network() : internet_("inet") {
  internet_.sysctl("net/ipv4/ip_forward", "1");
  for (const char* name : {"all", "default"})
    internet_.sysctl(std::string("net/ipv4/conf/") + name + "/send_redirects", "0");
  internet_.ip("link add br0 type bridge\naddr add " + text(kFirstPrefix + 1) +
               "/24 dev br0\naddr add " + text(kSecondPrefix + 1) +
               "/24 dev br0\nlink set br0 up\n");
  internet_.sysctl("net/ipv6/conf/all/forwarding", "1");
  internet_.ip(add_ipv6(ipv6_address(0, kGateway), "br0"));
}

Network::~Network() = default;

void Network::attach(const NetNamespace& netns, const std::string& interface,
                     const NetNamespace& hub, const std::string& bridge) {
  const std::string port = "p" + std::to_string(next_port_++);
  if (distance_ && &hub == &internet_) {
    links_.push_back(std::make_unique<DelayedLink>(netns, interface, hub, port, *distance_));
  } else {
    const auto mtu = " mtu " + std::to_string(&hub == &internet_ ? line_mtu_ : 1500);
    // Both ends are born in their namespaces, so names can't clash.
    hub.ip("link add " + port + mtu + " type veth peer name " + interface + mtu + " netns " +
           netns.name());
  }
  hub.ip("link set " + port + " master " + bridge + " up");
}

std::string Network::add_region(const LinkQuality& from_the_middle) {
  const std::string region = "br" + std::to_string(regions_++);
  const std::string near = "p" + std::to_string(next_port_++);
  const std::string far = "p" + std::to_string(next_port_++);
  internet_.ip("link add " + region + " type bridge\nlink set " + region + " up\n");
  links_.push_back(std::make_unique<DelayedLink>(internet_, near, internet_, far, from_the_middle));
  internet_.ip("link set " + near + " master " + std::string(kMiddle) + " up\nlink set " + far +
               " master " + region + " up\n");
  return region;
}

Host& Network::add_public_host(const std::string& role, bool second_prefix) {
  const IpAddress address =
      IpAddress::v4(second_prefix ? kSecondPrefix + next_second_++ : kFirstPrefix + next_public_++);
  Host& host = *hosts_.emplace_back(std::make_unique<Host>(role, address, address));
  attach(host.netns(), "eth0", internet_, region_);
  host.netns().ip("addr add " + address.to_string() + "/24 brd + dev eth0\nlink set eth0 up\n" +
                  "route add default via " + text(gateway_of(address)) + "\n");
  return host;
}

Router& Network::make_router(NatKind kind, IpAddress wan_address, bool hairpin) {
  if (kind == NatKind::open || kind == NatKind::cgnat)
    throw LabError(std::string(name_of(kind)) + " isn't one router: ask for add_player");
  const auto number = static_cast<std::uint32_t>(routers_.size()) + 1;
  const Prefix lan{IpAddress::v4(0xC0A80000 + (number << 8)), 24};
  const std::string role = "r" + std::to_string(number);
  return *routers_.emplace_back(new Router(role, kind, wan_address, lan, hairpin));
}

Router& Network::add_router(NatKind kind, bool hairpin) {
  const IpAddress wan = IpAddress::v4(kFirstPrefix + next_public_++);
  Router& router = make_router(kind, wan, hairpin);
  attach(router.netns(), "wan", internet_, region_);
  router.netns().ip("addr add " + wan.to_string() + "/24 dev wan\nlink set wan up\n" +
                    "route add default via " + text(gateway_of(wan)) + "\n");
  router.apply_rules();
  return router;
}

Router& Network::add_router_behind(Router& carrier, NatKind kind, bool hairpin) {
  const std::uint32_t carrier_lan = carrier.lan().address.v4_value();
  const IpAddress wan = IpAddress::v4(carrier_lan + carrier.next_host_++);
  Router& router = make_router(kind, wan, hairpin);
  router.public_address_ = carrier.public_address_;
  attach(router.netns(), "wan", carrier.netns(), "lan");
  router.netns().ip("addr add " + wan.to_string() + "/24 dev wan\nlink set wan up\n" +
                    "route add default via " + text(carrier_lan + 1) + "\n");
  router.apply_rules();
  return router;
}

Host& Network::add_host(const std::string& role, Router& behind) {
  Host& host = *hosts_.emplace_back(std::make_unique<Host>(role, IpAddress(), IpAddress()));
  plug_in(host, behind);
  return host;
}

void Network::plug_in(Host& host, Router& behind) {
  const std::uint32_t lan = behind.lan().address.v4_value();
  host.address_ = IpAddress::v4(lan + behind.next_host_++);
  host.public_address_ = behind.public_address();
  host.router_ = &behind;
  attach(host.netns(), "eth0", behind.netns(), "lan");
  // With its broadcast address, as DHCP sets it: some programs ask for that.
  host.netns().ip("addr add " + host.address_.to_string() +
                  "/24 brd + dev eth0\nlink set eth0 up\n" + "route add default via " +
                  text(lan + 1) + "\n");
}

void Network::move(Host& host, Router& behind) {
  host.netns().ip("link del eth0\n");
  plug_in(host, behind);
}

void Network::unplug(const Host& host, Millis duration) {
  host.netns().ip("link set eth0 down\n");
  std::this_thread::sleep_for(duration);
  // The address stays with the interface, the default route went.
  host.netns().ip("link set eth0 up\nroute add default via " + text(gateway_of(host.address_)) +
                  "\n");
}

void Network::reboot(Router& router, Millis off) {
  const IpAddress old = router.wan_address_;
  // Masquerading forgets the flows of an interface that goes down.
  router.netns_.ip("link set wan down\naddr del " + old.to_string() + "/24 dev wan\n");
  router.netns_.nft("delete table ip lab\n");
  std::this_thread::sleep_for(off);
  router.wan_address_ = router.public_address_ = IpAddress::v4(kFirstPrefix + next_public_++);
  for (const auto& host : hosts_)
    if (host->public_address_ == old) host->public_address_ = router.public_address_;
  router.apply_rules();
  router.netns_.ip("addr add " + router.wan_address_.to_string() +
                   "/24 dev wan\nlink set wan up\nroute add default via " +
                   text(gateway_of(router.wan_address_)) + "\n");
}

Host& Network::add_player(const std::string& role, NatKind kind) {
  if (kind == NatKind::open) return add_public_host(role);
  if (kind == NatKind::cgnat) {
    Router& carrier = add_router(NatKind::port_restricted_cone);
    return add_host(role, add_router_behind(carrier, NatKind::port_restricted_cone));
  }
  return add_host(role, add_router(kind));
}

void Network::route_ipv6(Router& router) {
  if (router.ipv6_network_ != 0) return;
  const auto at = std::ranges::find(routers_, &router, &std::unique_ptr<Router>::get);
  const int network = router.ipv6_network_ = static_cast<int>(at - routers_.begin()) + 1;
  const IpAddress wan = ipv6_address(0, next_ipv6_++);
  router.netns_.sysctl("net/ipv6/conf/all/forwarding", "1");
  router.netns_.ip(add_ipv6(wan, "wan") + add_ipv6(ipv6_address(network, kGateway), "lan") +
                   ipv6_default_route(ipv6_address(0, kGateway)));
  internet_.ip("route add " + ipv6_address(network, 0).to_string() + "/64 via " + wan.to_string() +
               "\n");
  router.apply_rules();
}

void Network::give_ipv6(Host& host) {
  int network = 0;
  if (host.router_ != nullptr) {
    if (host.router_->public_address_ != host.router_->wan_address_)
      throw LabError("the lab has no IPv6 behind two routers");
    route_ipv6(*host.router_);
    network = host.router_->ipv6_network_;
  }
  host.ipv6_address_ = ipv6_address(network, next_ipv6_++);
  host.netns().ip(add_ipv6(host.ipv6_address_, "eth0") +
                  ipv6_default_route(ipv6_address(network, kGateway)));
}

void Network::take_ipv4(Host& host) {
  host.netns().ip("addr del " + host.address().to_string() + "/24 dev eth0\n");
}

}  // namespace lanrage::lab
