// Pairs in virtual time, and what happens to them.
#include <algorithm>
#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "sim/path_seeds.hpp"

namespace lanrage::sim {
namespace {

using path::PathKind;

// Two players with moderate loss, who exchange a packet every 40 ms.
struct Pair {
  Pair(std::uint64_t seed, Nat x, Nat y, int relays = 1)
      : party(seed, relays), a(party.join(x)), b(party.join(y)) {
    party.network.quality.loss = static_cast<double>(party.random.below(3)) * 0.05;
    party.network.quality.delay = Milliseconds(5 + party.random.below(60));
    party.network.quality.jitter = Milliseconds(party.random.below(20));
  }
  void start() {
    party.everybody_meets();
    everybody_talks(party, Milliseconds(40));
  }
  void run(std::int64_t seconds) { party.run_for(std::chrono::seconds(seconds)); }
  void expect(PathKind kind, const char* when) {
    SCOPED_TRACE(when + describe(a, b));
    EXPECT_EQ(a.status(b).path, kind);
    EXPECT_EQ(b.status(a).path, kind);
  }
  // Packets arrive both ways within the next seconds.
  void expect_traffic(std::int64_t seconds, const char* when) {
    std::uint64_t at_a = a.peer(b).traffic.received;
    std::uint64_t at_b = b.peer(a).traffic.received;
    run(seconds);
    SCOPED_TRACE(when + describe(a, b));
    EXPECT_GT(a.peer(b).traffic.received, at_a + 10);
    EXPECT_GT(b.peer(a).traffic.received, at_b + 10);
  }
  std::uint64_t sum(std::uint64_t path::PathCounters::* counter) {
    return a.peer(b).path->counters().*counter + b.peer(a).path->counters().*counter;
  }
  std::uint64_t replaced() { return sum(&path::PathCounters::peers_replaced); }
  std::uint64_t reroutes() { return sum(&path::PathCounters::reroutes_started); }
  Duration longest_gap() {
    return std::max(a.peer(b).traffic.longest_gap, b.peer(a).traffic.longest_gap);
  }
  void forget_gaps() {
    for (Traffic* traffic : {&a.peer(b).traffic, &b.peer(a).traffic}) {
      traffic->longest_gap = {};
      traffic->last_received.reset();
    }
  }

  Party party;
  Agent& a;
  Agent& b;
};

TEST(PathSim, FirstPacketsComeWithinASecondAndAHalfAndDirectWithinFive) {
  for_worlds(100, [](std::uint64_t seed) {
    Pair pair(seed, Nat::port_restricted, Nat::port_restricted);
    pair.party.network.quality = {Milliseconds(25), Milliseconds(5), 0};
    pair.start();
    pair.party.run_for(Milliseconds(1'500));
    EXPECT_TRUE(pair.a.peer(pair.b).traffic.first_received) << describe(pair.a, pair.b);
    EXPECT_TRUE(pair.b.peer(pair.a).traffic.first_received) << describe(pair.a, pair.b);
    pair.party.run_for(Milliseconds(3'500));
    pair.expect(PathKind::direct, "after 5 s");
    EXPECT_LE(pair.longest_gap(), Milliseconds(500));
  });
}

TEST(PathSim, RekeyingMovesNothing) {
  for_worlds(15, [](std::uint64_t seed) {
    Pair pair(seed, Nat::port_restricted, Nat::full_cone);
    pair.start();
    pair.run(45);
    pair.a.forget_moves();
    pair.b.forget_moves();
    pair.run(150);  // a rekey at least
    pair.expect(PathKind::direct, "after rekeying");
    EXPECT_EQ(pair.a.peer(pair.b).moves + pair.b.peer(pair.a).moves, 0);
    EXPECT_LE(pair.longest_gap(), Milliseconds(3'000)) << describe(pair.a, pair.b);
  });
}

// Either may be the switcher; one or both talk; packets of one or both directions vanish.
TEST(PathSim, ADeadDirectPathFallsBackToTheRelayAndReturns) {
  for_worlds(180, [](std::uint64_t seed) {
    Pair pair(seed, Nat::port_restricted, Nat::port_restricted);
    const bool a_talks = seed % 3 != 1;
    const bool b_talks = seed % 3 != 2;
    const bool a_to_b = seed / 3 % 3 != 1;
    const bool b_to_a = seed / 3 % 3 != 2;
    pair.party.everybody_meets();
    if (a_talks) pair.a.say(pair.b, Milliseconds(40));
    if (b_talks) pair.b.say(pair.a, Milliseconds(40));
    pair.run(45);
    pair.expect(PathKind::direct, "before");
    pair.forget_gaps();
    const std::uint64_t replaced = pair.replaced();
    pair.a.router().direct_loss_out = a_to_b ? 1 : 0;
    pair.a.router().direct_loss_in = b_to_a ? 1 : 0;
    pair.run(35);
    pair.expect(PathKind::relay, "blocked");
    if (a_talks && b_talks) pair.expect_traffic(3, "blocked");
    EXPECT_LE(pair.longest_gap(), Milliseconds(3'000)) << describe(pair.a, pair.b);
    EXPECT_EQ(pair.replaced(), replaced) << "falling back needs no handshake";
    pair.a.router().direct_loss_out = pair.a.router().direct_loss_in = 0;
    pair.run(60);
    pair.expect(PathKind::direct, "after");
  });
}

// Away so briefly that answers from before are still recent. The relay is measured, so losses count
// against the direct path; those of the time when it was dead don't.
TEST(PathSim, ADirectPathThatWasLeftAsDeadIsUsedAgainSoonAfterItHeals) {
  for_worlds(60, [](std::uint64_t seed) {
    Pair pair(seed, Nat::port_restricted, Nat::port_restricted);
    pair.party.network.quality.loss = 0;
    pair.start();
    const auto block = [&](double loss) {
      pair.a.router().direct_loss_out = seed % 3 != 1 ? loss : 0;
      pair.a.router().direct_loss_in = seed % 3 != 2 ? loss : 0;
    };
    pair.run(30);
    block(1);
    pair.run(30);  // the relay is measured
    block(0);
    pair.run(90);
    pair.expect(PathKind::direct, "before");
    block(1);
    pair.run(9);
    pair.expect(PathKind::relay, "blocked");
    block(0);
    pair.run(12);
    pair.expect(PathKind::direct, "after");
  });
}

// Nothing but the agents' own echoes, every 2 s here.
TEST(PathSim, ADirectPathThatDiesIdleIsReplacedWithinTenSeconds) {
  for_worlds(60, [](std::uint64_t seed) {
    Pair pair(seed, Nat::port_restricted, Nat::full_cone);
    pair.party.network.quality.loss = 0;
    pair.party.everybody_meets();
    pair.run(45);
    pair.expect(PathKind::direct, "before");
    pair.a.router().direct_loss_out = seed % 3 != 1 ? 1 : 0;
    pair.a.router().direct_loss_in = seed % 3 != 2 ? 1 : 0;
    pair.run(10);
    pair.expect(PathKind::relay, "blocked");
  });
}

// A third and more of what goes there and back, idle or not, direct or relayed (on two legs each
// way).
TEST(PathSim, LossShowsAsDegradedAndItsEndAsConnected) {
  for_worlds(60, [](std::uint64_t seed) {
    const bool relayed = seed % 2 == 0;
    const bool busy = seed % 4 < 2;
    const Nat nat = relayed ? Nat::symmetric : Nat::port_restricted;
    Pair pair(seed, nat, nat);
    auto& quality = pair.party.network.quality;
    quality.loss = 0;
    pair.party.everybody_meets();
    if (busy) everybody_talks(pair.party, Milliseconds(40));
    pair.run(10);
    // Of an idle direct path the side that checks it knows; the other hardly checks meanwhile.
    const auto expect = [&](path::State state, int at_least, const char* when) {
      SCOPED_TRACE(when + describe(pair.a, pair.b));
      int sides = 0;
      for (const auto& status : {pair.a.status(pair.b), pair.b.status(pair.a)}) {
        EXPECT_EQ(status.path, relayed ? PathKind::relay : PathKind::direct);
        if (status.state != state) continue;
        ++sides;
        if (state == path::State::connected) EXPECT_LE(status.loss, 0.15);
      }
      EXPECT_GE(sides, at_least);
    };
    expect(path::State::connected, 2, "at first");
    pair.run(80);
    expect(path::State::connected, 2, "before");
    quality.loss = relayed ? 0.15 : 0.2;
    // Checks under traffic are frequent, echoes and idle checks rare.
    pair.run(busy && !relayed ? 30 : 240);
    expect(path::State::degraded, busy || relayed ? 2 : 1, "lossy");
    quality.loss = 0;
    pair.run(120);
    expect(path::State::connected, 2, "healed");
  });
}

// Nobody measured the relay, for the direct path was there at once.
TEST(PathSim, ADirectPathThatLosesMostIsLeftForARelayThatNobodyMeasured) {
  for_worlds(60, [](std::uint64_t seed) {
    Pair pair(seed, Nat::full_cone, Nat::port_restricted);
    pair.party.network.quality.loss = 0;
    pair.start();
    pair.run(30);
    pair.expect(PathKind::direct, "before");
    // Of what goes there and back 75 % is lost.
    pair.a.router().direct_loss_out = seed % 3 == 0 ? 0.75 : 0.5;
    pair.a.router().direct_loss_in = seed % 3 == 0 ? 0 : 0.5;
    pair.run(60);
    pair.expect(PathKind::relay, "lossy");
    Agent& switcher = pair.a.peer(pair.b).path->initiator() ? pair.a : pair.b;
    Agent& other = &switcher == &pair.a ? pair.b : pair.a;
    EXPECT_THAT(switcher.status(other).why_relayed, testing::HasSubstr("the direct path loses"));
    pair.a.forget_moves();
    pair.b.forget_moves();
    pair.run(300);
    EXPECT_EQ(pair.a.peer(pair.b).moves + pair.b.peer(pair.a).moves, 0) << describe(pair.a, pair.b);
    pair.a.router().direct_loss_out = pair.a.router().direct_loss_in = 0;
    pair.run(180);
    pair.expect(PathKind::direct, "healed");
  });
}

// Which is dead, as nobody knows yet: then the lossy path is still the best.
TEST(PathSim, ALossyDirectPathIsReturnedToWhereTheRelayIsSilent) {
  for_worlds(60, [](std::uint64_t seed) {
    Pair pair(seed, Nat::full_cone, Nat::port_restricted);
    pair.party.network.quality.loss = 0;
    pair.start();
    pair.run(30);
    pair.expect(PathKind::direct, "before");
    const std::uint64_t replaced = pair.replaced();
    pair.a.router().direct_loss_out = pair.a.router().direct_loss_in = 0.5;
    pair.run(static_cast<std::int64_t>(pair.party.random.below(10)));
    pair.party.relays[0]->kill();
    pair.forget_gaps();
    pair.run(90);
    pair.expect(PathKind::direct, "the relay is dead");
    pair.expect_traffic(3, "the relay is dead");
    EXPECT_EQ(pair.replaced(), replaced) << describe(pair.a, pair.b);
    EXPECT_LE(pair.longest_gap(), Milliseconds(4'000)) << describe(pair.a, pair.b);
  });
}

TEST(PathSim, ARestartedRelayIsRejoinedAtOnceWithoutAHandshake) {
  for_worlds(100, [](std::uint64_t seed) {
    Pair pair(seed, Nat::symmetric, Nat::symmetric);
    pair.start();
    pair.run(30);
    pair.expect(PathKind::relay, "before");
    pair.forget_gaps();
    const std::uint64_t replaced = pair.replaced();
    pair.party.restart_relay();
    pair.run(20);
    pair.expect(PathKind::relay, "after");
    pair.expect_traffic(3, "after");
    EXPECT_LE(pair.longest_gap(), Milliseconds(2'000)) << describe(pair.a, pair.b);
    EXPECT_EQ(pair.replaced(), replaced) << describe(pair.a, pair.b);
  });
}

TEST(PathSim, ARelayThatIsAwayForLongIsRejoinedSoon) {
  for_worlds(50, [](std::uint64_t seed) {
    Pair pair(seed, Nat::symmetric, Nat::symmetric);
    pair.start();
    pair.run(30);
    pair.party.relays[0]->kill();
    pair.run(1 + static_cast<std::int64_t>(pair.party.random.below(90)));
    pair.party.restart_relay();
    pair.run(8);
    pair.expect_traffic(3, "after");
    pair.expect(PathKind::relay, "after");
  });
}

TEST(PathSim, ADeadRelayIsLeftForAnotherAtOnce) {
  for_worlds(100, [](std::uint64_t seed) {
    Pair pair(seed, Nat::symmetric, Nat::symmetric, 2);
    pair.start();
    pair.run(30);
    pair.expect(PathKind::relay, "before");
    pair.forget_gaps();
    const std::uint64_t replaced = pair.replaced();
    const std::string first = *pair.a.status(pair.b).relay;
    pair.party.relays[first == "relay-1" ? 0 : 1]->kill();
    pair.run(20);
    pair.expect_traffic(3, "after");
    EXPECT_NE(pair.a.status(pair.b).relay, first);
    EXPECT_NE(pair.b.status(pair.a).relay, first);
    // Where many echoes are lost anyway, an outage is told later.
    const bool lossy = pair.party.network.quality.loss > 0;
    EXPECT_LE(pair.longest_gap(), Milliseconds(lossy ? 5'000 : 2'000)) << describe(pair.a, pair.b);
    EXPECT_EQ(pair.replaced(), replaced) << describe(pair.a, pair.b);
  });
}

// Both are bound at it, and it is the first by name, when it dies; then they meet.
TEST(PathSim, ARelayThatDiedUnnoticedIsPassedOverByThoseWhoMeet) {
  for_worlds(100, [](std::uint64_t seed) {
    Pair pair(seed, Nat::symmetric, Nat::symmetric, 2);
    pair.party.network.quality.loss = 0;
    for (Agent* agent : {&pair.a, &pair.b})
      agent->start();
    pair.run(1);
    pair.party.relays[0]->kill();
    pair.start();
    pair.run(5);
    pair.expect(PathKind::relay, "5 s after they met");
    pair.expect_traffic(3, "after");
    EXPECT_EQ(pair.a.status(pair.b).relay, pair.party.relays[1]->id());
  });
}

// 20, 40 and 90 ms away, each packet up to 20 % later.
TEST(PathSim, TheNearestOfThreeRelaysIsTakenAndKept) {
  for_worlds(50, [](std::uint64_t seed) {
    Pair pair(seed, Nat::symmetric, Nat::symmetric, 3);
    auto& random = pair.party.random;
    std::vector<int> distances{20, 40, 90};
    std::swap(distances[random.below(3)], distances[random.below(3)]);
    for (std::size_t i = 0; i < 3; ++i)
      pair.party.network.set_distance(pair.party.relays[i]->endpoint(), Milliseconds(distances[i]));
    pair.party.network.quality = {Milliseconds(2), Milliseconds(8), 0.01};
    pair.start();
    pair.run(60);
    const auto nearest = std::ranges::find(distances, 20) - distances.begin();
    const std::string expected = "relay-" + std::to_string(nearest + 1);
    EXPECT_EQ(pair.a.status(pair.b).relay, expected);
    const std::uint64_t reroutes = pair.reroutes();
    pair.run(1'500);
    EXPECT_EQ(pair.a.status(pair.b).relay, expected);
    EXPECT_EQ(pair.b.status(pair.a).relay, expected);
    EXPECT_EQ(pair.reroutes(), reroutes) << "the choice flaps";
  });
}

// As in the lab: each has a relay of its own region at 25 ms and the other's at 85, and one between
// them is 40 ms from both. Together 110, 80 and 110 ms one way, each packet up to 20 % later.
TEST(PathSim, TheRelayThatIsBestForBothTogetherIsTakenAndKept) {
  for_worlds(50, [](std::uint64_t seed) {
    Pair pair(seed, Nat::symmetric, Nat::symmetric, 3);
    auto& network = pair.party.network;
    network.quality = {Milliseconds(1), Milliseconds(1), 0};
    network.distance_jitter_percent = 20;
    // Equal ones are taken in the order of their names.
    const std::size_t middle = seed % 3;
    const std::array<int, 3> from_a{40, 25, 85};
    const std::array<int, 3> from_b{40, 85, 25};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto& relay = pair.party.relays[(middle + i) % 3]->endpoint();
      network.set_distance(relay, pair.a.router(), Milliseconds(from_a[i]));
      network.set_distance(relay, pair.b.router(), Milliseconds(from_b[i]));
    }
    pair.start();
    pair.run(30);
    const std::string best = pair.party.relays[middle]->id();
    EXPECT_EQ(pair.a.status(pair.b).relay, best) << describe(pair.a, pair.b);
    EXPECT_EQ(pair.b.status(pair.a).relay, best) << describe(pair.a, pair.b);
    const auto signals = [&] {
      return pair.a.peer(pair.b).signals_sent + pair.b.peer(pair.a).signals_sent;
    };
    const std::uint64_t reroutes = pair.reroutes();
    const std::uint64_t signalled = signals();
    pair.run(300);
    EXPECT_EQ(pair.reroutes(), reroutes) << "the choice flaps";
    EXPECT_EQ(signals(), signalled) << "jitter is no news";

    pair.forget_gaps();
    pair.party.relays[middle]->kill();
    pair.run(20);
    const auto next = pair.a.status(pair.b).relay;
    EXPECT_NE(next, best);
    EXPECT_EQ(pair.b.status(pair.a).relay, next);
    EXPECT_LE(pair.longest_gap(), Milliseconds(2'000)) << describe(pair.a, pair.b);
    const std::uint64_t moved = pair.reroutes();
    pair.party.relays[middle]->restart();
    pair.run(120);
    EXPECT_EQ(pair.reroutes(), moved) << "it isn't clearly better";
  });
}

TEST(PathSim, ARestartedAgentIsBackSoon) {
  for_worlds(25, [](std::uint64_t seed) {
    Pair pair(seed, Nat::port_restricted, seed % 2 == 0 ? Nat::full_cone : Nat::symmetric);
    pair.start();
    pair.run(30);
    Agent& restarted = seed % 4 < 2 ? pair.a : pair.b;
    restarted.restart();
    restarted.start();
    pair.run(15);
    pair.expect_traffic(3, "after the restart");
    pair.run(45);
    pair.expect(seed % 2 == 0 ? PathKind::direct : PathKind::relay, "a minute later");
  });
}

TEST(PathSim, ANatThatForgetsItsMappingsCostsSecondsOnly) {
  for_worlds(25, [](std::uint64_t seed) {
    Pair pair(seed, Nat::port_restricted, Nat::full_cone);
    pair.start();
    pair.run(45);
    pair.expect(PathKind::direct, "before");
    pair.a.router().forget_mappings();
    pair.run(40);
    pair.expect_traffic(3, "after");
    pair.run(60);
    pair.expect(PathKind::direct, "later");
  });
}

TEST(PathSim, WithoutAPacketFilterThePeerIsReplacedOnce) {
  for_worlds(25, [](std::uint64_t seed) {
    Pair pair(seed, Nat::port_restricted, Nat::port_restricted);
    pair.a.filter_works = false;
    pair.b.filter_works = false;
    pair.start();
    pair.run(60);
    pair.expect(PathKind::direct, "without a filter");
    pair.a.forget_moves();
    pair.b.forget_moves();
    pair.run(20);
    EXPECT_EQ(pair.a.peer(pair.b).moves + pair.b.peer(pair.a).moves, 0);
  });
}

TEST(PathSim, WithoutARelayPairsMeetDirectly) {
  for_worlds(25, [](std::uint64_t seed) {
    Party party(seed);
    Router& home = party.network.add_router(Nat::port_restricted);
    Agent& a = party.join_behind(home);
    Agent& b = party.join_behind(home);
    a.with_relay = b.with_relay = false;
    party.everybody_meets();
    everybody_talks(party, Milliseconds(40));
    party.run_for(Milliseconds(1'000));
    EXPECT_EQ(a.status(b).path, PathKind::direct) << describe(a, b);
    EXPECT_EQ(b.status(a).path, PathKind::direct) << describe(a, b);
    EXPECT_EQ(a.status(b).kind, path::CandidateKind::host);
  });
}

}  // namespace
}  // namespace lanrage::sim
