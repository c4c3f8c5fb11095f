// What is to happen, in virtual time.
#pragma once

#include <functional>
#include <map>

#include "base/random.hpp"
#include "base/time.hpp"

namespace lanrage::trust_sim {

class Timeline {
 public:
  explicit Timeline(std::uint64_t seed) : random(seed) {}

  Instant now() const { return now_; }
  void in(Duration time, std::function<void()> what) { at(now_ + time, std::move(what)); }
  void at(Instant when, std::function<void()> what) {
    due_.emplace(std::max(when, now_), std::move(what));
  }
  void run_until(Instant end) {
    while (!due_.empty() && due_.begin()->first <= end) {
      auto next = due_.extract(due_.begin());
      now_ = next.key();
      next.mapped()();
    }
    now_ = end;
  }

  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<std::int64_t>(
                       random.below(static_cast<std::uint64_t>((most - least).count()) + 1)));
  }
  bool chance(std::uint64_t percent) { return random.below(100) < percent; }

  SeededRandom random;

 private:
  Instant now_{std::chrono::seconds(1'000)};
  std::multimap<Instant, std::function<void()>> due_;  // of one time in the order they came
};

}  // namespace lanrage::trust_sim
