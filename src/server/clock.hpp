// The control server's clock as an object, so that tests can move time.
#pragma once

#include "base/time.hpp"
#include "io/clock.hpp"

namespace lanrage::server {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant monotonic() const = 0;
  virtual UnixTime unix_time() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant monotonic() const override { return io::monotonic_now(); }
  UnixTime unix_time() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace lanrage::server
