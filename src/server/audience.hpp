// Whoever is connected, as the command path sees them.
#pragma once

#include "base/ids.hpp"
#include "crypto/hash.hpp"
#include "protocol/websocket_messages.hpp"

namespace lanrage::server {

class Audience {
 public:
  virtual ~Audience() = default;
  // A member came or went: tells the others, now or shortly.
  virtual void presence_changed(const PartyId& party, const PeerId& peer) = 0;
  // To one member's connections. False when it has none.
  virtual bool deliver(const PartyId& party, const PeerId& to,
                       const protocol::ws::ServerMessage& message) = 0;
  // Ends the connections that this token opened.
  virtual void token_revoked(const crypto::Hash& token) = 0;
};

}  // namespace lanrage::server
