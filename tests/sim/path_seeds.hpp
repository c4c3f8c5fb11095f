// Simulations of paths from seeds, and what holds of two players. A failing seed is printed.
#pragma once

#include <string>

#include "sim/path_party.hpp"
#include "sim/seeds.hpp"

namespace lanrage::sim {

template <class Run>
void for_worlds(std::uint64_t count, Run run, std::uint64_t first = 1) {
  const auto traced = [&run](std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run(seed);
  };
  for_seeds(count, traced, first);
}

inline bool can_be_direct(Agent& a, Agent& b) {
  if (&a.router() == &b.router()) return true;
  auto symmetric = [](Nat nat) { return nat == Nat::symmetric || nat == Nat::counting; };
  auto closed = [&](Nat nat) { return symmetric(nat) || nat == Nat::port_restricted; };
  Nat x = a.router().nat();
  Nat y = b.router().nat();
  if (symmetric(x)) return !closed(y);
  if (symmetric(y)) return !closed(x);
  return true;
}

// A port is guessed, and that may fail.
inline bool depends_on_luck(Agent& a, Agent& b) {
  auto pair = std::pair(a.router().nat(), b.router().nat());
  return pair == std::pair(Nat::counting, Nat::port_restricted) ||
         pair == std::pair(Nat::port_restricted, Nat::counting);
}

inline bool is_best_path(Agent& a, Agent& b) {
  const path::PathKind kind = a.status(b).path;
  const path::PathKind best = can_be_direct(a, b) ? path::PathKind::direct : path::PathKind::relay;
  const bool lucky = kind == path::PathKind::direct && depends_on_luck(a, b);
  return (kind == best || lucky) && b.status(a).path == kind;
}

inline std::string describe(Agent& a, Agent& b) {
  auto line = [](Agent& self, Agent& other) {
    auto status = self.status(other);
    auto& peer = self.peer(other);
    const auto& counters = peer.path->counters();
    return std::string(name_of(self.router().nat())) + " " + std::string(name_of(status.path)) +
           " " + std::string(name_of(status.state)) + " '" + status.why_relayed + "' moves " +
           std::to_string(peer.moves) + " switches " + std::to_string(counters.switches_started) +
           "/" + std::to_string(counters.switches_done) + " unfiltered " +
           std::to_string(counters.switches_unfiltered) + " fallbacks " +
           std::to_string(counters.fallbacks) + " replaced " +
           std::to_string(counters.peers_replaced) + " gap ms " +
           std::to_string(peer.traffic.longest_gap.count() / 1000) + " received " +
           std::to_string(peer.traffic.received) + "\n";
  };
  return "\n" + line(a, b) + line(b, a);
}

template <class Check>
void for_pairs(Party& party, Check check) {
  for (auto& a : party.agents)
    for (auto& b : party.agents)
      if (a->number < b->number) {
        SCOPED_TRACE(describe(*a, *b));
        check(*a, *b);
      }
}

inline void everybody_talks(Party& party, Duration every) {
  for (auto& a : party.agents)
    for (auto& b : party.agents)
      if (a != b) a->say(*b, every);
}

}  // namespace lanrage::sim
