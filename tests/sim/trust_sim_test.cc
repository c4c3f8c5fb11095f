// Agents' trust in virtual time, each world from a seed. A failing seed is printed with what
// happened in it. LANRAGE_SIM_SEED=n runs that one alone and always prints; LANRAGE_SIM_SEEDS=n
// runs that many in each half.
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include "sim/trust_world.hpp"

namespace lanrage::trust_sim {
namespace {

constexpr std::uint64_t kSeeds = LANRAGE_TRUST_SIM_SEEDS;

void print(const World& world) {
  for (const auto& line : world.trace())
    std::fprintf(stderr, "  %s\n", line.c_str());
}

void run_one(std::uint64_t seed, bool always_print) {
  World world(seed, always_print);
  world.run();
  if (always_print) print(world);
  if (!world.complaint()) return;
  ADD_FAILURE() << *world.complaint() << "\nreplay: LANRAGE_SIM_SEED=" << seed << " trust_sim_test";
  if (always_print) return;
  World again(seed, true);
  again.run();
  print(again);
}

void run_from(std::uint64_t first) {
  if (const char* one = std::getenv("LANRAGE_SIM_SEED"))
    return run_one(std::strtoull(one, nullptr, 10), true);
  std::uint64_t count = kSeeds / 2;
  if (const char* many = std::getenv("LANRAGE_SIM_SEEDS")) count = std::strtoull(many, nullptr, 10);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    run_one(seed, false);
    if (testing::Test::HasFailure() && std::getenv("LANRAGE_SIM_GO_ON") == nullptr) return;
  }
}

TEST(TrustSim, FirstHalfOfTheWorlds) {
  run_from(1);
}

TEST(TrustSim, SecondHalfOfTheWorlds) {
  if (std::getenv("LANRAGE_SIM_SEED")) GTEST_SKIP() << "one seed, run by the first half";
  run_from(1'000'001);
}

TEST(TrustSim, AWorldReplaysFromItsSeed) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    World one(seed, true);
    World other(seed, true);
    one.run();
    other.run();
    EXPECT_EQ(one.trace(), other.trace()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace lanrage::trust_sim
