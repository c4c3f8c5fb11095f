// How long to wait before the next try of what failed: longer each time, never at the same moment
// as everybody else who lost the same server, and never giving up.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/random.hpp"

namespace lanrage {

class Backoff {
 public:
  struct Range {
    std::chrono::milliseconds least{1'000};
    std::chrono::milliseconds most{60'000};
  };

  // `random` outlives it. 0 < least <= most.
  Backoff(Range range, Random& random) : range_(range), random_(random) { reset(); }

  // Between half the bound and all of it, within the range; the bound begins at twice the least and
  // doubles with each call.
  std::chrono::milliseconds next() {
    const auto low = std::max(range_.least, bound_ / 2);
    const auto width = static_cast<std::uint64_t>((bound_ - low).count());
    bound_ = std::min(range_.most, bound_ * 2);
    return low + std::chrono::milliseconds(random_.below(width + 1));
  }
  void reset() { bound_ = std::min(range_.most, range_.least * 2); }

 private:
  Range range_;
  Random& random_;
  std::chrono::milliseconds bound_{};
};

}  // namespace lanrage
