// `lanrage netcheck`: what a server and its relays see of this network, from a socket of its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent_context.hpp"
#include "stun/nat_behaviour.hpp"

namespace lanrage::agent {

struct NetworkReport {
  struct Relay {
    std::string id;
    std::string region;
    std::optional<Duration> rtt;
  };
  stun::NatReport nat;
  bool ipv6 = false;  // an interface has a global IPv6 address
  std::vector<Relay> relays;
};

// Takes up to three seconds where UDP is blocked. Errors: ControlPlane's.
boost::asio::awaitable<Result<NetworkReport>> check_network(AgentContext& context,
                                                            std::string server,
                                                            std::optional<std::string> pin);

}  // namespace lanrage::agent
