// A party in the simulated network: agents around PeerPaths, a relay, and a signal server.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "path/peer_path.hpp"
#include "path/signal.hpp"
#include "sim/path_network.hpp"
#include "sim/path_relay.hpp"
#include "sim/path_wireguard.hpp"

namespace lanrage::sim {

class Party;

struct Traffic {
  std::optional<Instant> first_received;
  std::optional<Instant> last_received;
  Duration longest_gap{};  // between two that arrived
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

// What an agent's shell does around the PeerPaths of one party.
class Agent {
 public:
  struct Peer {
    Agent* agent;
    std::unique_ptr<path::PeerPath> path;
    path::SignalReplay replay;
    std::uint64_t signals_sent = 0;
    bool fast = false;
    std::uint64_t poll_generation = 0;
    std::optional<Instant> wake;
    std::optional<path::BlockRelayed> filter;
    std::vector<std::uint32_t> routes;
    std::optional<std::uint64_t> ping;  // outstanding
    Instant ping_sent{};
    Traffic traffic;
    std::map<Endpoint, Instant> heard;  // WireGuard, really from there
    std::deque<Instant> sent;           // of the last second: checks, answers, echoes, keepalives
    std::uint64_t packets = 0;          // such packets in all
    int moves = 0;                      // changes of path since the last call of forget_moves()
    path::PathKind last = path::PathKind::connecting;
  };

  Agent(Party& party, Router& router, const Endpoint& local, std::uint64_t number);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  void meet(Agent& other);
  void start();    // binds at the relay, sends candidates
  void restart();  // a killed agent comes back: new boot, new WireGuard device, same keys
  void receive(const Datagram& datagram);
  void on_control(std::uint64_t from, const Bytes& signal);
  void say(Agent& other, Duration every);  // application packets for ever
  void link_change();
  Peer& peer(const Agent& other) { return peers_.at(other.number); }
  path::PathStatus status(const Agent& other);
  void forget_moves();
  WireGuard& wireguard() { return *wireguard_; }
  Router& router() { return *router_; }

  const std::uint64_t number;
  bool filter_works = true;
  bool with_relay = true;
  bool predicts = true;

 private:
  friend class Party;
  void run(Peer& peer, path::Actions actions);
  void schedule(Peer& peer);
  void poll(Peer& peer, std::uint64_t generation);
  void probe(std::uint64_t other, std::uint64_t generation);
  void tell_local();
  void tell_routes();
  void tick(std::uint64_t generation);
  void send_from_port(const Endpoint& to, Bytes bytes);
  void on_data(const crypto::ExchangeKey& from, ByteView data);
  void send_ping(Peer& peer, std::uint64_t id);
  void ask_mapping(Peer& peer, std::uint32_t question);
  void note(Peer& peer);
  void count(Peer& peer, const path::Action& action);
  path::PeerPathConfig config_for(const Agent& other) const;

  Party* party_;
  Router* router_;
  Endpoint local_;
  PeerId id_;
  crypto::ExchangeKey key_;
  std::uint64_t boot_ = 1;
  std::unique_ptr<WireGuard> wireguard_;
  std::map<std::uint64_t, Peer> peers_;
  std::vector<SimBind> binds_;
  std::uint16_t last_unused_port_ = 20'000;
};

class Party {
 public:
  explicit Party(std::uint64_t seed, int relays = 1);

  Agent& join(Nat nat);
  Agent& join_behind(Router& router);
  void everybody_meets(Duration spread = Milliseconds(100));
  // An invariant doesn't hold.
  void fault(std::string what) { faults.push_back(std::move(what)); }
  void restart_relay() { relays[0]->restart(); }
  void run_for(Duration duration) { clock.run_until(clock.now() + duration); }

  Clock clock;
  SeededRandom random;
  Network network;
  std::vector<std::unique_ptr<SimRelay>> relays;
  std::vector<std::unique_ptr<Agent>> agents;
  std::vector<std::string> faults;

 private:
  friend class Agent;
  Agent& add(Router& router);
};

}  // namespace lanrage::sim
