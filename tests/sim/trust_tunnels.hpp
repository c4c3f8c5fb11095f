// WireGuard between each two, as far as keys matter: a handshake needs both sides to know each
// other and the same preshared key; its session lasts 180 s and is renewed after 120 s, with
// attempts every 5 s; and what is said inside may get lost.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/secret.hpp"
#include "sim/trust_clock.hpp"

namespace lanrage::trust_sim {

class Tunnels {
 public:
  using Peers = std::map<PeerId, Secret<32>>;
  struct Events {
    std::function<void(const PeerId& at, const PeerId& with)> shook_hands;
    std::function<void(const PeerId& to, const PeerId& from, const Bytes& datagram)> received;
    std::function<void(const PeerId& a, const PeerId& b)> ticked;     // a < b
    std::function<void(const PeerId& a, const PeerId& b)> forgotten;  // one side dropped the other
  };
  Tunnels(Timeline& timeline, Events events) : timeline_(timeline), events_(std::move(events)) {}

  void bring_up(const PeerId& device);
  void bring_down(const PeerId& device);
  void configure(const PeerId& device, Peers peers);
  void send(const PeerId& from, const PeerId& to, const Bytes& datagram);

  bool is_up(const PeerId& device) const { return interfaces_.contains(device); }
  bool has_session(const PeerId& a, const PeerId& b) const;
  bool knows(const PeerId& device, const PeerId& peer) const;
  // Null: `device` doesn't know it.
  const Secret<32>* key(const PeerId& device, const PeerId& peer) const;
  bool keys_agree(const PeerId& a, const PeerId& b) const;

  std::uint64_t loss = 0;  // percent
  Duration delay = std::chrono::milliseconds(20);

 private:
  using Pair = std::pair<PeerId, PeerId>;
  static Pair pair(const PeerId& a, const PeerId& b) { return std::minmax(a, b); }
  void tick(const Pair& pair);

  Timeline& timeline_;
  Events events_;
  std::map<PeerId, Peers> interfaces_;
  std::map<Pair, Instant> sessions_;  // since when
  std::map<Pair, bool> ticking_;
};

}  // namespace lanrage::trust_sim
