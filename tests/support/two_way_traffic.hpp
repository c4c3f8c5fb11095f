// Numbered datagrams both ways at a steady rate, as a game sends them: which of them arrived, and
// how long did either direction stand still?
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <thread>

#include "base/endpoint.hpp"
#include "support/namespace.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

struct TrafficReport {
  int sent = 0;  // both directions together
  int lost = 0;  // sent and never seen at the other side, whatever the reason
  // Longest time between two arrivals in one direction (or the begin and the first).
  double longest_gap_ms = 0;
};

class TwoWayTraffic {
 public:
  struct Side {
    const NetNamespace& netns;
    IpAddress address;  // where the other side sends to
  };

  // Begins at once; `rate` is packets a second each way. Sends to an address that isn't there yet
  // are lost packets, no errors.
  TwoWayTraffic(const Side& a, const Side& b, int rate);
  ~TwoWayTraffic();
  TwoWayTraffic(const TwoWayTraffic&) = delete;
  TwoWayTraffic& operator=(const TwoWayTraffic&) = delete;

  // Until packets sent from now on have arrived both ways; nothing when that takes longer.
  std::optional<Millis> recovery(Millis limit) const;

  // Stops sending and waits up to `grace` for what is still under way. Call it once.
  TrafficReport stop(Millis grace = Millis(1'000));

 private:
  struct End {
    int fd = -1;
    IpAddress peer;
    std::atomic<std::uint32_t> sent = 0;
    std::atomic<std::uint32_t> newest = 0;  // number of the other end's, and one
    std::set<std::uint32_t> arrived;        // numbers of the other end's packets
    Clock::time_point last_arrival;
    Clock::duration longest_gap{};
  };

  void carry(Clock::duration interval);
  static void send(End& end);
  void receive_until(Clock::time_point deadline);
  bool all_arrived() const;

  std::array<End, 2> ends_;
  std::atomic<bool> stopping_ = false;
  std::thread carrier_;
};

}  // namespace lanrage::lab
