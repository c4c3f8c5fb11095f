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
  void on_probe(Instant now);  // an echo of ours is on its way

  // More than keepalives and our own probes within about the last three seconds: a game that falls
  // silent because its path died must not look idle at once.
  bool busy() const { return quiet_windows_ < kStaysBusy; }
  // Traffic was coming in when we last received something. If that stops, it is worth a look: a
  // side that only receives, or answers, has nothing unanswered of its own.
  bool receiving() const { return receiving_; }
  // Traffic has gone out since something came in.
  bool unanswered() const;
  Instant received() const { return received_; }  // last
  // What the newest counters show; more may have come since.
  Duration silence() const { return looked_ - received_; }
  int probes() const { return probes_; }  // since something came in
  // Since the first of them.
  Duration probing(Instant now) const { return probes_ > 0 ? now - first_probe_ : Duration{}; }

 private:
  std::uint64_t rx_ = 0;
  std::uint64_t tx_ = 0;
  Instant received_{};
  std::uint64_t tx_when_received_ = 0;
  int probes_ = 0;
  Instant window_start_{};
  static constexpr int kStaysBusy = 3;  // windows

  Instant looked_{};
  Instant first_probe_{};
  std::uint64_t window_bytes_ = 0;
  std::uint64_t window_rx_ = 0;
  int quiet_windows_ = kStaysBusy;
  bool received_much_ = false;  // in the last complete window
  bool receiving_ = false;
};

// How many losses in a row, at least `least`, mean an outage where so many are lost anyway.
int losses_of_an_outage(double usual_loss, int least);

}  // namespace lanrage::path
