// Virtual time: a monotonic clock, and a wall clock that can be set.
#pragma once

#include "server/clock.hpp"

namespace lanrage::control_sim {

// When every world begins.
inline constexpr UnixTime kStart{std::chrono::milliseconds(1'700'000'000'000)};

class SimClock final : public server::Clock {
 public:
  Instant monotonic() const override { return monotonic_; }
  UnixTime unix_time() const override { return unix_; }
  void advance(std::chrono::milliseconds by) {
    monotonic_ += by;
    unix_ += by;
  }
  void jump(std::chrono::milliseconds by) { unix_ += by; }  // the wall clock alone

 private:
  Instant monotonic_{std::chrono::seconds(1'000)};
  UnixTime unix_ = kStart;
};

}  // namespace lanrage::control_sim
