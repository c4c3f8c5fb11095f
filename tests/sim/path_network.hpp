// A network in virtual time: hosts behind NATs, delay, loss, reordering, and hop counts.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "base/time.hpp"

namespace lanrage::sim {

using Milliseconds = std::chrono::milliseconds;

class Clock {
 public:
  Instant now() const { return now_; }
  void at(Instant when, std::function<void()> what);
  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  void run_until(Instant end);

 private:
  struct Event {
    Instant when;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  Instant now_{};
  std::uint64_t order_ = 0;
  int events_at_once_ = 0;  // something is always due: a livelock
  std::priority_queue<Event> events_;
};

// Symmetric NATs draw the ports of new flows by lot, or count.
enum class Nat { open, full_cone, restricted, port_restricted, symmetric, counting };
inline constexpr int kNats = 5;  // all but the last, behind which it depends on luck as well
constexpr std::string_view name_of(Nat nat) {
  switch (nat) {
    case Nat::open:
      return "open";
    case Nat::full_cone:
      return "full_cone";
    case Nat::restricted:
      return "restricted_cone";
    case Nat::port_restricted:
      return "port_restricted";
    case Nat::symmetric:
      return "symmetric";
    case Nat::counting:
      return "counting";
  }
  return "unknown";
}

struct Datagram {
  Endpoint from;
  Endpoint to;
  Bytes bytes;
  int ttl = 64;
};

using Receive = std::function<void(const Datagram&)>;

// A router with one public address; hosts behind it share a LAN. Nat::open routes without changing
// anything (its one host has the public address).
class Router {
 public:
  Router(Nat nat, IpAddress address, Random& random)
      : nat_(nat),
        address_(address),
        random_(&random),
        next_port_(nat == Nat::counting ? static_cast<int>(random.below(60'000)) : 0) {}
  Nat nat() const { return nat_; }
  IpAddress address() const { return address_; }
  // The public source for a packet that leaves.
  Endpoint translate_out(Instant now, const Endpoint& from, const Endpoint& to);
  // The inside destination of a packet that comes, unless it is filtered.
  std::optional<Endpoint> translate_in(Instant now, const Endpoint& from, const Endpoint& to);
  void forget_mappings();  // a restarted router: every mapping gets a new port

  std::map<Endpoint, Receive> hosts;
  // Of packets to and from other routers, besides what the network loses; 1: a firewall.
  double direct_loss_out = 0;
  double direct_loss_in = 0;
  // Of all packets.
  double loss_out = 0;
  double loss_in = 0;
  // Of Nat::counting: a new flow's port is greater by so much, or less; and at most so many flows
  // of other devices begin in between.
  int step = 1;
  std::uint64_t flows_between = 0;

 private:
  struct Mapping {
    Endpoint inside;
    std::uint16_t port;
    std::map<Endpoint, Instant> contacted;
    Instant used;
  };
  Nat nat_;
  std::uint16_t new_port();

  IpAddress address_;
  Random* random_;
  int next_port_;                                              // from 1024 on, modulo 60,000
  std::map<std::pair<Endpoint, Endpoint>, Mapping> mappings_;  // (inside, destination or {})
};

struct LinkQuality {
  Duration delay = Milliseconds(20);  // one way, between any two routers
  Duration jitter = Milliseconds(3);  // more than the gap between packets reorders them
  double loss = 0;
};

class Network {
 public:
  Network(Clock& clock, Random& random) : clock_(&clock), random_(&random) {}

  Router& add_router(Nat nat);
  void add_server(const Endpoint& endpoint, Receive receive) { servers_[endpoint] = receive; }
  void send(Router& from, Datagram datagram);
  void send_from_server(Datagram datagram);
  // One way, on top of the link's own delay.
  void set_distance(const Endpoint& server, Duration distance) { distances_[server] = distance; }
  // The same for what that router sends there and hears from there.
  void set_distance(const Endpoint& server, const Router& router, Duration distance) {
    pair_distances_[{server, router.address()}] = distance;
  }

  LinkQuality quality;
  int distance_jitter_percent = 0;  // a packet takes up to so much longer over a distance

 private:
  void deliver(Datagram datagram, Router* sender);
  bool chance(double of) {
    return of > 0 && random_->below(10'000) < static_cast<std::uint64_t>(of * 10'000);
  }
  Duration over_distance(const Endpoint& server, IpAddress router);
  Duration travel() {
    return quality.delay +
           Duration(random_->below(static_cast<std::uint64_t>(quality.jitter.count()) + 1));
  }

  Clock* clock_;
  Random* random_;
  std::vector<std::unique_ptr<Router>> routers_;
  std::map<Endpoint, Receive> servers_;
  std::map<Endpoint, Duration> distances_;  // of servers
  std::map<std::pair<Endpoint, IpAddress>, Duration> pair_distances_;
};

}  // namespace lanrage::sim
