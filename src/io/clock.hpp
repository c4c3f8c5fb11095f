// The machine's monotonic clock as core's Instant. The agent has another one: a client must notice
// that the machine slept.
#pragma once

#include <chrono>

#include "base/time.hpp"

namespace lanrage::io {

inline Instant monotonic_now() {
  return Instant(std::chrono::floor<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace lanrage::io
