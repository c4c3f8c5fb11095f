// What WireGuard's counters say about a tunnel: whether it carries traffic, and whether what it
// sends is answered. Everything sent is answered by something within seconds, keepalives at least;
// an echo, by its reply at once.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace lanrage::path {

class TrafficWatch {
 public:
  void on_counters(Instant now, std::uint64_t rx_bytes, std::uint64_t tx_bytes);
  // WireGuard counts from zero again.
  void restart(Instant now);
  void on_probe() { ++probes_; }  // an echo of ours is on its way

  // More than keepalives and our own probes within about the last second.
  bool busy() const { return busy_; }
  // Traffic has gone out since something came in.
  bool unanswered() const;
  Instant received() const { return received_; }  // last
  Duration silence(Instant now) const { return now - received_; }
  int probes() const { return probes_; }  // since something came in

 private:
  std::uint64_t rx_ = 0;
  std::uint64_t tx_ = 0;
  Instant received_{};
  std::uint64_t tx_when_received_ = 0;
  int probes_ = 0;
  Instant window_start_{};
  std::uint64_t window_bytes_ = 0;
  bool busy_ = false;
};

// How many losses in a row, at least `least`, mean an outage where so many are lost anyway.
int losses_of_an_outage(double usual_loss, int least);

}  // namespace lanrage::path
