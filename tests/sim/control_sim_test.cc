// The real control server among devices and disasters in virtual time, each world from a seed. A
// failing seed is printed with what happened in it, as LANRAGE_SIM_SEED=n always is
// (sim/seeds.hpp).
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

#include "sim/control_world.hpp"
#include "sim/seeds.hpp"

namespace lanrage::control_sim {
namespace {

constexpr std::uint64_t kSeeds = LANRAGE_CONTROL_SIM_SEEDS;  // of each test

char replay_command[96];

std::string command_for(std::uint64_t seed) {
  return "LANRAGE_SIM_SEED=" + std::to_string(seed) + " control_sim_test";
}

// The server stops at what must never be: say where to find it.
void on_abort(int) {
  const ssize_t written = write(STDERR_FILENO, replay_command, sizeof replay_command - 1);
  std::signal(SIGABRT, SIG_DFL);
  std::_Exit(written > 0 ? 134 : 1);
}

void print(const World& world, std::uint64_t seed) {
  for (const auto& line : world.trace())
    std::fprintf(stderr, "  %s\n", line.c_str());
  std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed),
               world.complaints().first().value_or("no complaints").c_str());
}

void run_one(std::uint64_t seed, bool always_print) {
  std::snprintf(replay_command, sizeof replay_command, "replay: %s\n", command_for(seed).c_str());
  World world(seed, always_print);
  world.run();
  if (always_print) print(world, seed);
  if (!world.complaints().first()) return;
  ADD_FAILURE() << *world.complaints().first() << "\nreplay: " << command_for(seed);
  if (always_print) return;
  World again(seed, true);
  again.run();
  print(again, seed);
}

void run_from(std::uint64_t first) {
  if (!only_seed()) std::signal(SIGABRT, on_abort);
  for_seeds(kSeeds, [](std::uint64_t seed) { run_one(seed, only_seed().has_value()); }, first);
  std::signal(SIGABRT, SIG_DFL);
}

TEST(ControlSim, FirstHalfOfTheWorlds) {
  run_from(1);
}

TEST(ControlSim, SecondHalfOfTheWorlds) {
  if (only_seed()) GTEST_SKIP() << "one seed, run by the first half";
  run_from(1'000'001);
}

TEST(ControlSim, AWorldReplaysFromItsSeed) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    World one(seed, true);
    World other(seed, true);
    one.run();
    other.run();
    EXPECT_EQ(one.trace(), other.trace()) << "seed " << seed;
    EXPECT_EQ(one.summary(), other.summary()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace lanrage::control_sim
