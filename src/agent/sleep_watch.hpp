// Whether the machine slept, or the program was stopped, since it was last asked. Decides only: the
// clocks are read by whoever asks.
#pragma once

#include <optional>
#include <utility>

#include "base/time.hpp"

namespace lanrage::agent {

class SleepWatch {
 public:
  // While a machine sleeps, one of its clocks goes on and the other doesn't. They are read one
  // after the other, so that they differ by a little at all times.
  static constexpr Duration kSuspended = std::chrono::seconds(2);
  // Asked so late, a program that asks every second was stopped: a virtual machine was paused, or
  // somebody sent SIGSTOP. A busy machine makes it late by less.
  static constexpr Duration kStopped = std::chrono::seconds(10);

  struct Clocks {
    Instant with_sleep;     // CLOCK_BOOTTIME
    Instant without_sleep;  // CLOCK_MONOTONIC
  };

  // True when it slept since the last call; false at the first. Call about every second.
  bool slept(const Clocks& now) {
    const auto before = std::exchange(last_, now);
    if (!before) return false;
    const Duration passed = now.with_sleep - before->with_sleep;
    const Duration awake = now.without_sleep - before->without_sleep;
    return passed - awake >= kSuspended || passed >= kStopped;
  }

 private:
  std::optional<Clocks> last_;
};

}  // namespace lanrage::agent
