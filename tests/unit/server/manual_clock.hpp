#pragma once

#include "server/clock.hpp"

namespace lanrage::server::test {

class ManualClock final : public Clock {
 public:
  Instant monotonic() const override { return Instant(now_.time_since_epoch()); }
  UnixTime unix_time() const override { return now_; }
  void advance(std::chrono::milliseconds by) { now_ += by; }

 private:
  UnixTime now_{std::chrono::milliseconds(1'700'000'000'000)};
};

}  // namespace lanrage::server::test
