// A rate with bursts: tokens flow in steadily, up to as many as may be used at once.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.hpp"

namespace lanrage {

struct Rate {
  double per_second;
  double burst;  // how many may come at once
};

class TokenBucket {
 public:
  TokenBucket(Rate rate, Instant now) : tokens_(rate.burst), filled_(now) {}

  double level(Rate rate, Instant now) const {
    const double seconds = std::chrono::duration<double>(now - filled_).count();
    return std::min(rate.burst, tokens_ + std::max(0.0, seconds) * rate.per_second);
  }
  // Takes so many. False: fewer are left, and none is taken.
  bool take(Rate rate, Instant now, double count = 1) {
    tokens_ = level(rate, now);
    filled_ = now;
    if (tokens_ < count) return false;
    tokens_ -= count;
    return true;
  }

 private:
  double tokens_;
  Instant filled_;
};

}  // namespace lanrage
