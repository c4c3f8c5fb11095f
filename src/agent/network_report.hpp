// What a server and its relays see of this network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stun/nat_behaviour.hpp"

namespace lanrage::agent {

struct NetworkReport {
  struct Relay {
    std::string id;
    std::string region;
    std::vector<Endpoint> endpoints;
    bool answers = false;
    std::optional<Duration> rtt;  // nothing when it took more than one sending
    std::uint64_t load = 0;       // clients, as the server was told last
    std::uint64_t capacity = 0;   // clients at most; 0: not told
  };
  stun::NatReport nat;
  bool ipv6 = false;              // an interface has a global IPv6 address
  std::vector<Endpoint> asked{};  // STUN services, beside the relays
  std::vector<Relay> relays{};

  // Our port as the first server that answered by IPv6 saw it.
  std::optional<Endpoint> ipv6_endpoint() const {
    for (const auto& answer : nat.answers)
      if (answer.server.address.is_v6()) return answer.mapped;
    return std::nullopt;
  }
};

}  // namespace lanrage::agent
