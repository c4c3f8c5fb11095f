// Waiting on a condition, bounded by a deadline; never a blind sleep standing in for one.
#pragma once

#include <chrono>
#include <thread>
#include <utility>

namespace lanrage::lab {

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

// Calls `predicate` until it returns something true or `limit` has passed, `pause` between calls.
// Returns the last value, so a predicate may hand out what it found (an optional, a pointer).
// Called at least once, and once more at the deadline.
template <class Predicate>
auto eventually(Millis limit, Predicate&& predicate, Millis pause = Millis(50)) {
  const auto deadline = Clock::now() + limit;
  while (true) {
    const bool last = Clock::now() >= deadline;
    auto value = predicate();
    if (value || last) return value;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace lanrage::lab
