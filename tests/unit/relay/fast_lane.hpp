// A packet path that keeps its leases to the letter, as the kernel's is to do.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "relay/leases.hpp"

namespace lanrage::relay {

class FastLane final : public FastPath {
 public:
  struct Lease {
    FastRoute route;
    Traffic left;
    Instant until;
  };

  bool takes(const FastRoute&) override { return open; }
  void grant(const FastRoute& route, const Traffic& traffic, Instant until) override {
    leases[{route.from, route.index}] = {route, traffic, until};
    granted.bytes += traffic.bytes;
    granted.packets += traffic.packets;
  }
  void revoke(const Endpoint& from, std::uint32_t index) override { leases.erase({from, index}); }

  // Where a data packet goes; nothing when it is the relay's business.
  std::optional<Endpoint> take(Instant now, const Endpoint& from, std::uint32_t index,
                               std::size_t size) {
    const auto found = leases.find({from, index});
    if (found == leases.end()) return std::nullopt;
    Lease& lease = found->second;
    if (now >= lease.until || lease.left.bytes < size || lease.left.packets == 0)
      return std::nullopt;
    lease.left.bytes -= size;
    --lease.left.packets;
    ++taken;
    return lease.route.to;
  }

  bool open = true;
  std::map<std::pair<Endpoint, std::uint32_t>, Lease> leases;
  Traffic granted;
  std::uint64_t taken = 0;  // packets
};

}  // namespace lanrage::relay
