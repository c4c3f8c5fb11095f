// What a client may send, and what clients may together: bytes and packets, and handshakes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "relay/pacer.hpp"

namespace lanrage::relay {

struct Traffic {
  std::uint64_t bytes = 0;  // of UDP payload
  std::uint64_t packets = 0;
  friend bool operator==(const Traffic&, const Traffic&) = default;
  Traffic& operator+=(const Traffic& other) {
    bytes += other.bytes;
    packets += other.packets;
    return *this;
  }
};

struct TrafficPacer {
  Pacer bytes;
  Pacer packets;
};

struct TrafficBudget {
  SharedPacer bytes;
  SharedPacer packets;
};

// Of one party, or of one address: what clients of several threads have in common.
struct BudgetPools {
  TrafficBudget traffic;
  SharedPacer initiations;
};
using AddressPools = std::shared_ptr<std::vector<BudgetPools>>;  // by cell

// One shard's side of it.
struct SharedBudget {
  std::shared_ptr<BudgetPools> pools;
  std::uint32_t clients = 0;  // bound now, to any shard
};

// One client's shares of such a budget.
struct Shares {
  TrafficPacer traffic;
  Pacer initiations;
};

}  // namespace lanrage::relay
