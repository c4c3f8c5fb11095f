#include "base/backoff.hpp"

#include <gtest/gtest.h>
#include <set>

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, GrowsFromOneSecondToAMinuteAndNeverGivesUp) {
  SeededRandom random{1};
  Backoff backoff({}, random);
  auto bound = 2'000ms;
  for (int i = 0; i < 10'000; ++i) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, std::max(1'000ms, bound / 2)) << i;
    EXPECT_LE(pause, bound) << i;
    bound = std::min(60'000ms, bound * 2);
  }
}

TEST(Backoff, SuccessBringsItBackToTheBeginning) {
  SeededRandom random{2};
  Backoff backoff({}, random);
  for (int i = 0; i < 20; ++i)
    backoff.next();
  EXPECT_GE(backoff.next(), 30s);
  backoff.reset();
  EXPECT_LE(backoff.next(), 2s);
}

TEST(Backoff, ThoseWhoLostTheSameServerComeBackSpreadOut) {
  std::set<std::chrono::milliseconds> pauses;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SeededRandom random{seed};
    Backoff backoff({}, random);
    backoff.next();
    pauses.insert(backoff.next());  // of 2,001 possible ones
  }
  EXPECT_GE(pauses.size(), 90u);
}

TEST(Backoff, TheLeastAndTheMostMayBeTheSame) {
  SeededRandom random{3};
  Backoff backoff({5ms, 5ms}, random);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(backoff.next(), 5ms);
}

}  // namespace
}  // namespace lanrage::agent
