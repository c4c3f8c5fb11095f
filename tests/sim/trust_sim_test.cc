// Agents' trust in virtual time, each world from a seed. A failing seed is printed with what
// happened in it, as LANRAGE_SIM_SEED=n always is (sim/seeds.hpp).
#include <cstdio>
#include <gtest/gtest.h>
#include <string>

#include "sim/seeds.hpp"
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
  for_seeds(kSeeds / 2, [](std::uint64_t seed) { run_one(seed, only_seed().has_value()); }, first);
}

TEST(TrustSim, FirstHalfOfTheWorlds) {
  run_from(1);
}

TEST(TrustSim, SecondHalfOfTheWorlds) {
  if (only_seed()) GTEST_SKIP() << "one seed, run by the first half";
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
