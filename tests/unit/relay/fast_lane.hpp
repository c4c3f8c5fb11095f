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
    std::uint64_t bytes = 0;
    Instant until;
  };

  void grant(const FastRoute& route, std::uint64_t bytes, Instant until) override {
    leases[{route.from, route.index}] = {route, bytes, until};
    granted += bytes;
  }
  void revoke(const Endpoint& from, std::uint32_t index) override { leases.erase({from, index}); }

  // Where a data packet goes; nothing when it is the relay's business.
  std::optional<Endpoint> take(Instant now, const Endpoint& from, std::uint32_t index,
                               std::size_t size) {
    const auto found = leases.find({from, index});
    if (found == leases.end() || now >= found->second.until || found->second.bytes < size)
      return std::nullopt;
    found->second.bytes -= size;
    ++taken;
    return found->second.route.to;
  }

  std::map<std::pair<Endpoint, std::uint32_t>, Lease> leases;
  std::uint64_t granted = 0;  // bytes
  std::uint64_t taken = 0;    // packets
};

}  // namespace lanrage::relay
