// `lanrage netcheck`: what a server and its relays see of this network, from a socket of its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "agent/agent_context.hpp"
#include "agent/network_report.hpp"
#include "protocol/rest.hpp"

namespace lanrage::agent {

// Asks the STUN services and relays that a server names; up to three seconds where UDP is blocked.
boost::asio::awaitable<Result<NetworkReport>> probe_network(AgentContext& context,
                                                            const protocol::InfoAnswer& server);

// Takes up to three seconds where UDP is blocked. Errors: ControlPlane's.
boost::asio::awaitable<Result<NetworkReport>> check_network(AgentContext& context,
                                                            std::string server,
                                                            std::optional<std::string> pin);

bool has_global_ipv6();  // on an interface

}  // namespace lanrage::agent
