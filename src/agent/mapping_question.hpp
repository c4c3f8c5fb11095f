// Asks what a NAT makes of a new flow: how a STUN server sees a port that was never used before.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <vector>

#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "protocol/types.hpp"

namespace lanrage::agent {

// The first that answers Bindings from the other side of our NAT: by IPv4, no private address.
std::optional<Endpoint> mapping_server(const std::vector<protocol::Relay>& relays);

// The question leaves before this returns, so that it is in order with what is sent before and
// after. `answered` is called once, or never when nothing comes within three seconds.
void ask_mapping(boost::asio::io_context& io, const Endpoint& server, Random& random,
                 std::function<void(const Endpoint& seen)> answered);

}  // namespace lanrage::agent
