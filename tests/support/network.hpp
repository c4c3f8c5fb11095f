// A small internet in namespaces: 203.0.113.0/24 and 198.51.100.0/24 on one bridge, with hosts and
// NAT routers on it, and players behind the routers. It has IPv6 as well, 2001:db8::/32: for those
// hosts that are given it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "support/delayed_link.hpp"
#include "support/namespace.hpp"
#include "support/nat_rules.hpp"

namespace lanrage::lab {

class Router;

class Host {
 public:
  Host(const std::string& role, IpAddress address, IpAddress public_address)
      : netns_(role), address_(address), public_address_(public_address) {}

  const NetNamespace& netns() const { return netns_; }
  const IpAddress& address() const { return address_; }  // its own, perhaps private, address
  // What the internet sees: its own, or that of the outermost router.
  const IpAddress& public_address() const { return public_address_; }
  // Global; only after Network::give_ipv6().
  const IpAddress& ipv6_address() const { return ipv6_address_; }

 private:
  friend class Network;
  NetNamespace netns_;
  IpAddress address_;
  IpAddress public_address_;
  IpAddress ipv6_address_{};
  Router* router_ = nullptr;
};

class Router {
 public:
  const NetNamespace& netns() const { return netns_; }
  const IpAddress& wan_address() const { return wan_address_; }
  const Prefix& lan() const { return lan_; }
  const IpAddress& public_address() const { return public_address_; }
  NatKind kind() const { return kind_; }

  // Forwards `port` from the WAN to a host of this router; `port` stays the same.
  void forward(Transport transport, std::uint16_t port, const Host& to);
  // From now on nothing passes between its LAN and that public address (of either family), until
  // unblock().
  void block(const IpAddress& outside, Way way = Way::both);
  void unblock();

 private:
  friend class Network;
  Router(const std::string& role, NatKind kind, IpAddress wan_address, Prefix lan, bool hairpin);
  void apply_rules() const;

  NetNamespace netns_;
  NatKind kind_;
  IpAddress wan_address_;
  IpAddress public_address_;  // the carrier's, behind one
  Prefix lan_;
  bool hairpin_;
  std::vector<Forward> forwards_;
  std::vector<Block> blocked_;
  int next_host_ = 2;     // .1 is the router
  int ipv6_network_ = 0;  // of its LAN, 2001:db8:N::/64; 0: none
};

class Network {
 public:
  Network();
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Hosts and routers put on the internet from now on are this far from it (see DelayedLink).
  void set_distance(const LinkQuality& quality) { distance_ = quality; }
  // The MTU of the lines of hosts and routers put on the internet from now on, at both ends: what
  // is larger is fragmented, or refused where it may not be, by whoever routes it there. A
  // neighbour on the bridge with a wider line sends them frames that get lost: put it in the second
  // prefix.
  void set_line_mtu(int mtu) { line_mtu_ = mtu; }
  // A part of the internet that is so far from its middle, and from other such parts by way of it.
  // Its name is for set_region().
  std::string add_region(const LinkQuality& from_the_middle);
  // Where hosts and routers are put on the internet from now on.
  void set_region(const std::string& region) { region_ = region; }
  static constexpr std::string_view kMiddle = "br0";

  // A host with a public address in 203.0.113.0/24 (or 198.51.100.0/24).
  Host& add_public_host(const std::string& role, bool second_prefix = false);
  // `kind` must be one router's: an open host has none, cgnat is two.
  Router& add_router(NatKind kind, bool hairpin = false);
  // A home router behind a carrier's (CGNAT): `carrier` is one made by add_router.
  Router& add_router_behind(Router& carrier, NatKind kind, bool hairpin = false);
  Host& add_host(const std::string& role, Router& behind);
  // A player with `kind` between it and the internet: none, one or two routers of its own.
  Host& add_player(const std::string& role, NatKind kind);

  // A global IPv6 address beside the IPv4 one. Behind a router: of a /64 that it routes, whose
  // firewall lets in answers only. Not behind two routers.
  void give_ipv6(Host& host);
  // Now it has IPv6 alone, or nothing.
  static void take_ipv4(Host& host);

  // Unplugs a host and puts it behind another router, with an (IPv4) address there.
  void move(Host& host, Router& behind);
  // Its interface is down meanwhile; address and route are the same afterwards.
  void unplug(const Host& host, Millis duration);
  // The router forgets every mapping and comes back after `off` with another public address. Not
  // for one behind a carrier's.
  void reboot(Router& router, Millis off);

 private:
  // Connects `interface`, made in `netns`, to a port of a bridge in `hub`.
  void attach(const NetNamespace& netns, const std::string& interface, const NetNamespace& hub,
              const std::string& bridge);
  // An address in the LAN of `behind`, on a new interface.
  void plug_in(Host& host, Router& behind);
  Router& make_router(NatKind kind, IpAddress wan_address, bool hairpin);
  void route_ipv6(Router& router);

  NetNamespace internet_;
  std::optional<LinkQuality> distance_;
  int line_mtu_ = 1500;
  std::string region_{kMiddle};  // the name of its bridge
  int regions_ = 1;
  std::vector<std::unique_ptr<Router>> routers_;
  std::vector<std::unique_ptr<Host>> hosts_;
  int next_public_ = 10;
  int next_second_ = 10;
  int next_ipv6_ = 0x10;                             // last group of 2001:db8::/64's next address
  int next_port_ = 0;                                // number of the next bridge port
  std::vector<std::unique_ptr<DelayedLink>> links_;  // last: they end before what they connect
};

}  // namespace lanrage::lab
