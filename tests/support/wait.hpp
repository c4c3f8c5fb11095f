// Waiting on a condition, bounded by a deadline; never a blind sleep standing in for one.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

namespace lanrage::lab {

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

// Limits are meant for a busy machine with two cores. Where everything is slower still (an emulated
// guest), LANRAGE_LAB_PATIENCE multiplies them.
inline Millis patient(Millis limit) {
  static const int factor = [] {
    const char* text = std::getenv("LANRAGE_LAB_PATIENCE");
    return std::clamp(text == nullptr ? 1 : std::atoi(text), 1, 100);
  }();
  return limit * factor;
}

// Calls `predicate` until it returns something true or `limit` has passed, `pause` between calls.
// Returns the last value, so a predicate may hand out what it found (an optional, a pointer).
// Called at least once, and once more at the deadline.
template <class Predicate>
auto eventually(Millis limit, Predicate&& predicate, Millis pause = Millis(50)) {
  const auto deadline = Clock::now() + patient(limit);
  while (true) {
    const bool last = Clock::now() >= deadline;
    auto value = predicate();
    if (value || last) return value;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace lanrage::lab
