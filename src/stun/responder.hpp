// The server's side of Binding (RFC 8489) with CHANGE-REQUEST for the port (RFC 5780). Stateless.
// An answer can be larger than its request: whoever sends it limits the rate by source.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace lanrage::stun {

struct Reply {
  Bytes bytes;
  bool from_other_port = false;  // send from the other socket
};

// Where the request arrived, and the server's second port if it has one.
struct ServerAddresses {
  std::optional<Endpoint> received_on;  // reported as RESPONSE-ORIGIN
  std::optional<Endpoint> other;        // reported as OTHER-ADDRESS
};

// Nothing for whatever isn't a Binding request.
std::optional<Reply> respond(ByteView request, const Endpoint& source,
                             const ServerAddresses& addresses);

}  // namespace lanrage::stun
