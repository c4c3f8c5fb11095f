// Runs simulations from seeds. LANRAGE_SIM_SEED=n runs that one alone; LANRAGE_SIM_SEEDS=n runs so
// many instead; LANRAGE_SIM_GO_ON goes on after one that failed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <gtest/gtest.h>
#include <optional>

namespace lanrage {

// The one that is to be run alone.
inline std::optional<std::uint64_t> only_seed() {
  const char* one = std::getenv("LANRAGE_SIM_SEED");
  return one != nullptr ? std::optional(std::strtoull(one, nullptr, 10)) : std::nullopt;
}

// `count` seeds from `first` on.
template <class Run>
void for_seeds(std::uint64_t count, Run run, std::uint64_t first = 1) {
  if (const auto one = only_seed()) return run(*one);
  if (const char* many = std::getenv("LANRAGE_SIM_SEEDS")) count = std::strtoull(many, nullptr, 10);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    run(seed);
    if (testing::Test::HasFailure() && std::getenv("LANRAGE_SIM_GO_ON") == nullptr) return;
  }
}

}  // namespace lanrage
