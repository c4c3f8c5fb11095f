#pragma once

#include "server/clock.hpp"

namespace lanrage::server::test {

class ManualClock final : public Clock {
 public:
  Instant monotonic() const override { return Instant(now_.time_since_epoch()); }
  UnixTime unix_time() const override { return now_ + set_; }
  void advance(std::chrono::milliseconds by) { now_ += by; }
  // The calendar clock alone, as an operator or NTP does it.
  void set_by(std::chrono::milliseconds by) { set_ += by; }

 private:
  std::chrono::milliseconds set_{0};
  UnixTime now_{std::chrono::milliseconds(1'700'000'000'000)};
};

}  // namespace lanrage::server::test
