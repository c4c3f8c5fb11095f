// What is to be known of our own side of a path: the machine's addresses, what servers and relays
// see of our port, and what kind of NAT lies between.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/filtering_memory.hpp"
#include "agent/port_leases.hpp"
#include "agent/relay_binds.hpp"
#include "agent/udp_watch.hpp"
#include "path/peer_path.hpp"
#include "protocol/types.hpp"
#include "stun/nat_behaviour.hpp"

namespace lanrage::agent {

// Those of a family that we have an address of: the others would only keep a probe waiting.
std::vector<Endpoint> reachable_from(const std::vector<IpAddress>& own,
                                     const std::vector<Endpoint>& services);

// Adds the first address of each family out of `ports`, with its second port where that follows.
void add_stun_server(const std::vector<Endpoint>& ports, stun::NatProbeConfig& config);

// What to ask of a server's relays and STUN ports, for a socket with `port` on the addresses `own`.
stun::NatProbeConfig nat_probe_config(const std::vector<protocol::Relay>& relays,
                                      const std::vector<IpAddress>& own, std::uint16_t port);

class LocalDiscovery {
 public:
  // Of the tunnel on `interface` with its UDP port; `random` outlives it.
  LocalDiscovery(std::string interface, std::uint16_t port, Prefix prefix, Random& random)
      : interface_(std::move(interface)), port_(port), prefix_(prefix), random_(random) {}

  // False when they are the relays that were known already.
  bool set_relays(const std::vector<protocol::Relay>& relays);
  const std::vector<protocol::Relay>& relays() const { return relays_; }
  // Asks the servers anew how our port looks from outside.
  void probe(Instant now, stun::Datagrams& out);
  // True when the message answered the probe.
  bool on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message,
                   stun::Datagrams& out);
  // A relay has answered somebody else of ours.
  void on_relay_answer() { udp_.on_answer(); }
  // Whether the control server is reached, which tells whom silence comes from.
  void set_server_away(bool away) { server_away_ = away; }
  // Another network: whether UDP works has to be seen anew.
  void on_link_change() { udp_.restart(); }
  void on_timeout(Instant now, stun::Datagrams& out);
  std::optional<Instant> next_timeout() const;

  // Whether UDP gets out to anybody whom the server has named, and back; nothing while that isn't
  // known.
  std::optional<bool> udp() const { return udp_.works(); }
  // All were asked, and none has answered yet.
  bool asking() const { return udp_.asking(); }
  std::optional<path::UdpSilence> silence() const;

  void set_mapping(const std::optional<PortMapping>& mapping) { mapping_ = mapping; }
  const std::optional<PortMapping>& mapping() const { return mapping_; }
  // Where the mapping leads to our port from, as far as it helps others.
  std::optional<Endpoint> mapped_endpoint(const RelayBinds& binds) const;

  const stun::NatReport& nat() const { return nat_; }
  // No probe is under way: nat() won't change before the next one.
  bool settled() const { return !probe_ || probe_->finished(); }
  path::LocalView view(const RelayBinds& binds) const;

 private:
  void fold();
  // Our port as servers and relays see it.
  std::vector<Endpoint> seen_outside(const RelayBinds& binds) const;

  std::string interface_;
  std::uint16_t port_;
  Prefix prefix_;
  Random& random_;
  std::vector<protocol::Relay> relays_;
  FilteringMemory filtering_;
  UdpWatch udp_;
  bool server_away_ = false;
  std::optional<stun::NatProbe> probe_;
  stun::NatReport nat_;
  std::optional<PortMapping> mapping_;  // by a router, of our port
};

// All whom we asked see us at other addresses than before.
bool is_seen_elsewhere(const path::LocalView& before, const path::LocalView& now);

}  // namespace lanrage::agent
