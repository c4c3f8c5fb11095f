#include "path/traffic_watch.hpp"

#include <algorithm>
#include <cmath>

namespace lanrage::path {
namespace {

constexpr std::chrono::milliseconds kWindow(900);  // polls come once a second at least
constexpr std::uint64_t kBusyBytes = 1'000;        // both ways, in a window
constexpr std::uint64_t kReceivingBytes = 500;     // more than answers to a window's echoes
// Keepalives, a handshake and the usual echoes of 15 s; and one echo more.
constexpr std::uint64_t kQuietBytes = 600;
constexpr std::uint64_t kProbeBytes = 160;
// Chance may look like an outage so rarely.
constexpr double kFalseAlarm = 1e-3;
constexpr int kMostLosses = 20;

}  // namespace

void TrafficWatch::restart(Instant now) {
  *this = {};
  received_ = now;
  looked_ = now;
  window_start_ = now;
}

void TrafficWatch::on_probe(Instant now) {
  if (probes_++ == 0) first_probe_ = now;
}

void TrafficWatch::on_counters(Instant now, std::uint64_t rx_bytes, std::uint64_t tx_bytes) {
  if (rx_bytes < rx_ || tx_bytes < tx_) restart(now);
  looked_ = now;
  if (rx_bytes != rx_) {
    received_ = now;
    tx_when_received_ = tx_bytes;
    probes_ = 0;
    receiving_ = received_much_ || rx_bytes - window_rx_ >= kReceivingBytes;
  }
  rx_ = rx_bytes;
  tx_ = tx_bytes;
  if (now - window_start_ < kWindow) return;
  quiet_windows_ =
      rx_ + tx_ - window_bytes_ >= kBusyBytes ? 0 : std::min(quiet_windows_ + 1, kStaysBusy);
  received_much_ = rx_ - window_rx_ >= kReceivingBytes;
  window_start_ = now;
  window_bytes_ = rx_ + tx_;
  window_rx_ = rx_;
}

bool TrafficWatch::unanswered() const {
  return tx_ - tx_when_received_ > kQuietBytes + static_cast<std::uint64_t>(probes_) * kProbeBytes;
}

int losses_of_an_outage(double usual_loss, int least) {
  if (usual_loss <= 0) return least;
  const double enough = std::log(kFalseAlarm) / std::log(std::min(usual_loss, 0.99));
  return std::clamp(static_cast<int>(std::ceil(enough)), least, kMostLosses);
}

}  // namespace lanrage::path
