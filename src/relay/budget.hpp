// What a client may send, and what clients may together: bytes and packets, and handshakes.
#pragma once

#include <cstdint>

#include "relay/pacer.hpp"

namespace lanrage::relay {

struct Traffic {
  std::uint64_t bytes = 0;  // of UDP payload
  std::uint64_t packets = 0;
  friend bool operator==(const Traffic&, const Traffic&) = default;
};

struct TrafficPacer {
  Pacer bytes;
  Pacer packets;
};

struct TrafficBudget {
  SharedPacer bytes;
  SharedPacer packets;
};

// Of one party, or of one address: whatever clients of several threads would have in common.
struct SharedBudget {
  TrafficBudget traffic;
  SharedPacer initiations;
  std::uint32_t clients = 0;  // bound now
};

// One client's shares of such a budget.
struct Shares {
  TrafficPacer traffic;
  Pacer initiations;
};

}  // namespace lanrage::relay
