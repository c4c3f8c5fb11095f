// The agent's clocks: the one place where core's notions of time meet the machine's.
#pragma once

#include <ctime>

#include "base/time.hpp"

namespace lanrage::agent {

// CLOCK_BOOTTIME goes on while the machine sleeps, so that what grew old in a suspend is old after
// it; io::monotonic_now() doesn't.
inline Instant monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Instant(Duration(now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
}

inline UnixTime unix_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace lanrage::agent
