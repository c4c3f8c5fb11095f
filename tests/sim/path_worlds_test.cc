// Worlds: any players behind any NATs on any network, to which anything happens for a while. Then
// they must end on their best path, and stay there.
#include <algorithm>
#include <gtest/gtest.h>

#include "sim/path_seeds.hpp"

namespace lanrage::sim {
namespace {

using path::PathKind;

constexpr Milliseconds kTroubleFrom(3'000);
constexpr std::uint64_t kTroubleMs = 27'000;
constexpr Milliseconds kHealed(35'000);
constexpr Milliseconds kStill(15'000);
constexpr Milliseconds kStep(5'000);

class World {
 public:
  // `nats`: of the kinds of NAT, the first so many may occur.
  explicit World(std::uint64_t seed, std::uint64_t nats = kNats)
      : party_(seed, seed % 4 == 0 ? 2 : 1), random_(party_.random), nats_(nats) {
    LinkQuality& quality = party_.network.quality;
    quality.loss = static_cast<double>(random_.below(7)) * 0.05;  // to 30 %
    quality.delay = Milliseconds(1 + random_.below(300));
    quality.jitter = Milliseconds(random_.below(60));  // packets come 10 to 100 ms apart
    const std::uint64_t players = 2 + (random_.below(4) == 0 ? 1 : 0);
    for (std::uint64_t i = 0; i < players; ++i)
      join();
    // Both sides at the very same moment, or somewhat apart.
    party_.everybody_meets(random_.below(2) == 0 ? Duration{} : Milliseconds(100));
    for (auto& a : party_.agents)
      for (auto& b : party_.agents)
        if (a != b && random_.below(3) != 0) a->say(*b, Milliseconds(100));
    const std::uint64_t troubles = random_.below(4);
    for (std::uint64_t i = 0; i < troubles; ++i)
      party_.clock.after(kTroubleFrom + Milliseconds(random_.below(kTroubleMs)),
                         [this] { trouble(); });
    party_.clock.after(kHealed, [this] { heal(); });
  }

  void run() {
    party_.run_for(kHealed + Milliseconds(1));
    Duration still{};
    // Handshakes by a relay take five packets on two lossy legs each: few of them succeed.
    const double loss = party_.network.quality.loss;
    const auto limit = std::chrono::seconds(loss > 0.2 ? 600 : loss > 0.1 ? 300 : 120);
    while (still < kStill && party_.clock.now() - Instant{} < limit) {
      for (auto& agent : party_.agents)
        agent->forget_moves();
      party_.run_for(kStep);
      still = at_rest() ? still + kStep : Duration{};
    }
    for_pairs(party_, [&](Agent& a, Agent& b) {
      EXPECT_TRUE(is_best_path(a, b));
      if (a.status(b).path == PathKind::relay) {
        EXPECT_NE(a.status(b).why_relayed, "");
      }
    });
    EXPECT_GE(still, kStill) << "a path swings";
    for (const std::string& fault : party_.faults)
      ADD_FAILURE() << fault;
  }

 private:
  void join() {
    Router* shared = party_.agents.empty() ? nullptr : &party_.agents[0]->router();
    if (shared && shared->nat() != Nat::open && random_.below(5) == 0) {
      party_.join_behind(*shared);
      return;
    }
    Router& router = party_.join(static_cast<Nat>(random_.below(nats_))).router();
    if (random_.below(3) != 0) return;  // else one direction loses more
    (random_.below(2) == 0 ? router.loss_in : router.loss_out) =
        static_cast<double>(random_.below(10)) * 0.01;
  }

  bool at_rest() {
    return std::ranges::all_of(party_.agents, [&](auto& a) {
      return std::ranges::all_of(party_.agents, [&](auto& b) {
        return a == b || (is_best_path(*a, *b) && a->peer(*b).moves == 0);
      });
    });
  }

  void trouble() {
    Agent& agent = *party_.agents[random_.below(party_.agents.size())];
    const auto later = Milliseconds(500 + random_.below(15'000));
    switch (random_.below(8)) {
      case 0:
        return agent.router().forget_mappings();
      case 1:
        return party_.restart_relay();
      case 2:
        party_.relays[0]->kill();
        return party_.clock.after(later, [this] { party_.restart_relay(); });
      case 3:
      case 4: {  // a firewall, for one direction or both
        const std::uint64_t way = random_.below(3);
        agent.router().direct_loss_in = way != 1 ? 1 : 0;
        agent.router().direct_loss_out = way != 2 ? 1 : 0;
        return party_.clock.after(later, [&agent] {
          agent.router().direct_loss_in = agent.router().direct_loss_out = 0;
        });
      }
      case 5:
        agent.restart();
        return agent.start();
      case 6:
        return agent.link_change();
      default:  // everybody at once
        for (auto& other : party_.agents) {
          other->router().forget_mappings();
          other->link_change();
        }
    }
  }

  void heal() {
    for (auto& agent : party_.agents)
      agent->router().direct_loss_in = agent->router().direct_loss_out = 0;
    for (auto& relay : party_.relays)
      if (!relay->alive()) relay->restart();
  }

  Party party_;
  SeededRandom& random_;
  std::uint64_t nats_;
};

void they_end_on_the_best_path(std::uint64_t seeds, std::uint64_t first) {
  for_worlds(seeds, [](std::uint64_t seed) { World(seed).run(); }, first);
}

TEST(PathSim, WhateverHappensTheyEndOnTheBestPath) {
  they_end_on_the_best_path(LANRAGE_PATH_SIM_SEEDS / 2, 1);
}

// A test of its own, so that two cores share the work.
TEST(PathSim, SecondHalfOfTheWorlds) {
  they_end_on_the_best_path(LANRAGE_PATH_SIM_SEEDS / 2, LANRAGE_PATH_SIM_SEEDS / 2 + 1);
}

// Where a port must be guessed either path is right, but it must not swing.
TEST(PathSim, SoDoThoseWhosePortsAreGuessed) {
  for_worlds(LANRAGE_PATH_SIM_SEEDS / 10, [](std::uint64_t seed) { World(seed, kNats + 1).run(); });
}

// No trouble, and less loss: a direct path is found soon, and traffic never stands still for long.
TEST(PathSim, CalmPairsBecomeDirectWhereTheyCanAndStaySo) {
  for_worlds(static_cast<std::uint64_t>(kNats * kNats) * 8, [](std::uint64_t seed) {
    Party party(seed);
    party.network.quality.loss = static_cast<double>(party.random.below(5)) * 0.05;
    party.network.quality.delay = Milliseconds(5 + party.random.below(96));
    party.network.quality.jitter = Milliseconds(party.random.below(30));
    party.join(static_cast<Nat>(seed % kNats));
    party.join(static_cast<Nat>(seed / kNats % kNats));
    party.everybody_meets();
    everybody_talks(party, Milliseconds(60));
    party.run_for(Milliseconds(40'000));
    for_pairs(party, [&](Agent& a, Agent& b) {
      const PathKind expected = can_be_direct(a, b) ? PathKind::direct : PathKind::relay;
      EXPECT_EQ(a.status(b).path, expected);
      EXPECT_EQ(b.status(a).path, expected);
      if (expected == PathKind::relay) {
        EXPECT_NE(a.status(b).why_relayed, "still trying");
      }
      for (auto [self, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
        const Traffic& traffic = self->peer(*other).traffic;
        ASSERT_TRUE(traffic.first_received);
        // A relayed handshake, five packets on two legs each, is tried every 2.5 s: where a tenth
        // of them is lost it fails half of the time, where a fifth is, two times of three.
        const double loss = party.network.quality.loss;
        const int most_s = loss > 0.12 ? 30 : loss > 0.06 ? 15 : 6;
        EXPECT_LE(traffic.longest_gap, std::chrono::seconds(most_s));
      }
    });
    for (const std::string& fault : party.faults)
      ADD_FAILURE() << fault;
  });
}

}  // namespace
}  // namespace lanrage::sim
