// Time as a value: core modules are told what time it is. Nothing here can ask a clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <ratio>

namespace lanrage {

// Monotonic time of one process; only shells map a clock to it.
struct MonotonicTime {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = std::chrono::microseconds;
  using time_point = std::chrono::time_point<MonotonicTime>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicTime::time_point;
using Duration = std::chrono::microseconds;

// Calendar time, for what outlives a process: expiry dates, creation times.
using UnixTime = std::chrono::sys_time<std::chrono::milliseconds>;

}  // namespace lanrage
