// A player behind a symmetric NAT and one behind a port-restricted one, in virtual time.
#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>

#include "path/port_prediction.hpp"
#include "sim/path_seeds.hpp"

namespace lanrage::sim {
namespace {

using path::PathKind;

constexpr std::uint64_t kSeeds = LANRAGE_PATH_PREDICTION_SEEDS;  // of the cheapest test

struct SymmetricPair {
  SymmetricPair(std::uint64_t seed, Nat symmetric)
      : party(seed), hard(party.join(symmetric)), cone(party.join(Nat::port_restricted)) {
    party.network.quality = {Milliseconds(5 + party.random.below(60)),
                             Milliseconds(party.random.below(20)),
                             static_cast<double>(party.random.below(3)) * 0.05};
  }
  void run(std::int64_t seconds) { party.run_for(std::chrono::seconds(seconds)); }
  void meet() {
    party.everybody_meets();
    everybody_talks(party, Milliseconds(60));
  }
  std::uint64_t asked() { return hard.peer(cone).path->counters().mappings_asked; }
  std::size_t guesses() {
    const auto candidates = hard.peer(cone).path->signal().candidates;
    return static_cast<std::size_t>(
        std::ranges::count(candidates, path::CandidateKind::guessed, &path::Candidate::kind));
  }
  // Second by second; the greatest number of guesses told at once.
  std::size_t most_guesses(int seconds) {
    std::size_t most = 0;
    for (int second = 0; second < seconds; ++second) {
      run(1);
      most = std::max(most, guesses());
    }
    return most;
  }
  void expect(PathKind kind) {
    EXPECT_EQ(hard.status(cone).path, kind) << describe(hard, cone);
    EXPECT_EQ(cone.status(hard).path, kind) << describe(hard, cone);
    for (const std::string& fault : party.faults)
      ADD_FAILURE() << fault;
  }

  Party party;
  Agent& hard;
  Agent& cone;
};

TEST(PathPrediction, ANatThatCountsIsPassed) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    SymmetricPair pair(seed, Nat::counting);
    Router& router = pair.hard.router();
    router.step = std::array{1, -1, 2, 4}[seed % 4];
    if (seed % 4 == 0) router.flows_between = seed / 4 % 4;
    pair.meet();
    const auto most = pair.most_guesses(20);
    EXPECT_LE(most, path::kMostGuesses);
    pair.expect(PathKind::direct);
    EXPECT_EQ(pair.guesses(), 0u) << "nobody needs them any more";
    pair.run(120);
    pair.expect(PathKind::direct);
  });
}

TEST(PathPrediction, APeerThatComesHoursLaterIsReachedAsWell) {
  for_seeds(kSeeds / 4, [](std::uint64_t seed) {
    SymmetricPair pair(seed, Nat::counting);
    pair.hard.router().flows_between = 3;
    pair.hard.meet(pair.cone);
    pair.hard.start();
    pair.run(7'200);
    pair.cone.meet(pair.hard);
    pair.cone.start();
    everybody_talks(pair.party, Milliseconds(60));
    pair.run(20);
    pair.expect(PathKind::direct);
  });
}

// The player restarts its program: what was guessed before is told again, or guessed anew.
TEST(PathPrediction, AfterARestartOfEitherItIsDirectAgain) {
  for_seeds(kSeeds / 4, [](std::uint64_t seed) {
    SymmetricPair pair(seed, Nat::counting);
    pair.meet();
    pair.run(20);
    pair.expect(PathKind::direct);
    Agent& restarted = seed % 2 == 0 ? pair.hard : pair.cone;
    restarted.restart();
    restarted.start();
    pair.run(60);
    pair.expect(PathKind::direct);
  });
}

// One that draws lots isn't worth a packet. By chance two ports are near each other, once in a
// thousand pairs of questions.
TEST(PathPrediction, WhereNothingCanBeGuessedNothingIsTriedForLong) {
  int parties = 0;
  int by_chance = 0;
  for_seeds(kSeeds / 10, [&](std::uint64_t seed) {
    SymmetricPair pair(seed, Nat::symmetric);
    pair.party.everybody_meets();
    if (pair.most_guesses(3'600) > 0) ++by_chance;
    ++parties;
    pair.expect(PathKind::relay);
    EXPECT_GE(pair.asked(), 2u);
    EXPECT_LE(pair.asked(), 2u * (4 + 12)) << "in an hour";
    EXPECT_EQ(pair.cone.peer(pair.hard).path->counters().mappings_asked, 0u);
  });
  EXPECT_LE(by_chance, 3 + parties / 20);
}

TEST(PathPrediction, EitherSideCanLeaveItOut) {
  for_seeds(kSeeds / 10, [](std::uint64_t seed) {
    SymmetricPair pair(seed, Nat::counting);
    Agent& without = seed % 2 == 0 ? pair.hard : pair.cone;
    without.predicts = false;
    pair.meet();
    pair.run(120);
    pair.expect(PathKind::relay);
    if (seed % 2 == 0) {
      EXPECT_EQ(pair.asked(), 0u);
    }
  });
}

// Every minute for an hour, by a peer that is never reached: the table of its router sees a dozen
// ports at a time, and few of them in all.
TEST(PathPrediction, WrongGuessesAreFewAndEnd) {
  for_seeds(kSeeds / 10, [](std::uint64_t seed) {
    SymmetricPair pair(seed, Nat::counting);
    pair.hard.router().direct_loss_in = 1;  // no check passes
    pair.party.everybody_meets();
    std::set<Endpoint> guessed;
    int seconds_told = 0;
    for (int second = 0; second < 3'600; ++second) {
      pair.run(1);
      const auto candidates = pair.hard.peer(pair.cone).path->signal().candidates;
      std::size_t now = 0;
      for (const auto& candidate : candidates) {
        if (candidate.kind != path::CandidateKind::guessed) continue;
        ++now;
        guessed.insert(candidate.endpoint);
      }
      EXPECT_LE(now, path::kMostGuesses);
      if (now > 0) ++seconds_told;
    }
    EXPECT_LE(seconds_told, 16 * 16) << "at most 16 times for 15 s";
    EXPECT_LE(guessed.size(), 16 * path::kMostGuesses);
    pair.expect(PathKind::relay);
  });
}

}  // namespace
}  // namespace lanrage::sim
