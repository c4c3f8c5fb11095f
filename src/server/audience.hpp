// Whoever is connected, as the command path sees them.
#pragma once

#include "base/ids.hpp"
#include "protocol/websocket_messages.hpp"

namespace lanrage::server {

class Audience {
 public:
  virtual ~Audience() = default;
  // To every subscriber of the party but `except`.
  virtual void announce(const PartyId& party, const protocol::ws::ServerMessage& message,
                        const PeerId* except) = 0;
  // To one member's connections. False when it has none.
  virtual bool deliver(const PartyId& party, const PeerId& to,
                       const protocol::ws::ServerMessage& message) = 0;
};

}  // namespace lanrage::server
