// Whole parties in virtual time, each from a seed. A failing seed is printed; LANRAGE_SIM_SEED=n
// runs that one alone, LANRAGE_SIM_SEEDS=n that many.
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include "sim/path_party.hpp"

namespace lanrage::sim {
namespace {

using path::PathKind;

template <class Run>
void for_seeds(std::uint64_t count, Run run) {
  if (const char* one = std::getenv("LANRAGE_SIM_SEED")) {
    SCOPED_TRACE("seed " + std::string(one));
    return run(std::strtoull(one, nullptr, 10));
  }
  if (const char* many = std::getenv("LANRAGE_SIM_SEEDS")) count = std::strtoull(many, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run(seed);
    if (testing::Test::HasFailure()) return;
  }
}

bool can_be_direct(Agent& a, Agent& b) {
  if (&a.router() == &b.router()) return true;
  auto closed = [](Nat nat) { return nat == Nat::symmetric || nat == Nat::port_restricted; };
  Nat x = a.router().nat();
  Nat y = b.router().nat();
  if (x == Nat::symmetric) return !closed(y);
  if (y == Nat::symmetric) return !closed(x);
  return true;
}

std::string describe(Agent& a, Agent& b) {
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

void everybody_talks(Party& party, Duration every) {
  for (auto& a : party.agents)
    for (auto& b : party.agents)
      if (a != b) a->say(*b, every);
}

// 2 to 4 players behind any NATs, some on one LAN, some silent; loss to 20 %, delay 5 to 100 ms.
std::unique_ptr<Party> random_party(std::uint64_t seed) {
  auto party = std::make_unique<Party>(seed);
  auto& random = party->random;
  party->network.quality.loss = static_cast<double>(random.below(5)) * 0.05;
  party->network.quality.delay = Milliseconds(5 + random.below(96));
  party->network.quality.jitter = Milliseconds(random.below(30));
  std::uint64_t players = 2 + random.below(3);
  for (std::uint64_t i = 0; i < players; ++i) {
    Router* shared = i > 0 ? &party->agents[0]->router() : nullptr;
    if (shared && shared->nat() != Nat::open && random.below(4) == 0)
      party->join_behind(*shared);
    else
      party->join(static_cast<Nat>(random.below(4)));
  }
  return party;
}

TEST(PathSim, PairsBecomeDirectWhereTheyCanAndStaySo) {
  for_seeds(500, [](std::uint64_t seed) {
    auto party = random_party(seed);
    bool talkative = party->random.below(3) != 0;
    party->everybody_meets();
    if (talkative) everybody_talks(*party, Milliseconds(40));
    party->run_for(Milliseconds(45'000));
    for (auto& agent : party->agents)
      agent->forget_moves();
    party->run_for(Milliseconds(15'000));
    for_pairs(*party, [&](Agent& a, Agent& b) {
      PathKind expected = can_be_direct(a, b) ? PathKind::direct : PathKind::relay;
      EXPECT_EQ(a.status(b).path, expected);
      EXPECT_EQ(b.status(a).path, expected);
      EXPECT_EQ(a.peer(b).moves + b.peer(a).moves, 0) << "the path swings";
      if (expected == PathKind::relay) {
        EXPECT_NE(a.status(b).why_relayed, "");
        EXPECT_NE(a.status(b).why_relayed, "still trying");
      }
      if (!talkative) return;
      for (auto [self, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
        const Traffic& traffic = self->peer(*other).traffic;
        ASSERT_TRUE(traffic.first_received);
        EXPECT_LE(traffic.longest_gap, Milliseconds(6'000));
      }
    });
  });
}

}  // namespace
}  // namespace lanrage::sim
