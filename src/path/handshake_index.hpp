// Our own receiver index of the running WireGuard session, which WireGuard doesn't tell.
//
// A handshake response (type 2) that arrives names it as receiver_index. All relayed peers share
// the relay's address, so which of them a response came from follows from the time at which
// WireGuard says it completed a handshake with this peer: the response whose arrival is nearest,
// unless another one is nearly as near. A session that the peer initiated stays unknown: our index
// stands in a packet that leaves, and raw sockets see only what arrives.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::path {

class HandshakeIndex {
 public:
  explicit HandshakeIndex(const crypto::ExchangeKey& own);

  // A WireGuard packet that came to the party's port, whoever sent it.
  void on_packet(Instant now, ByteView packet);
  // WireGuard's newest handshake with this peer; the same value again changes nothing.
  void on_handshake(Instant at);
  // A filter on own() didn't hold: it was another peer's. Unknown until the next handshake.
  void doubt();
  void forget();  // the peer was replaced: its session is gone

  std::optional<std::uint32_t> own() const { return own_; }

 private:
  struct Response {
    Instant at;
    std::uint32_t receiver_index;
  };
  void match();

  wireguard::Mac1Key mac1_key_;
  std::deque<Response> responses_;
  std::optional<Instant> handshake_;
  std::optional<std::uint32_t> own_;
};

}  // namespace lanrage::path
