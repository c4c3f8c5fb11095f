// Both receiver indexes of a pair's WireGuard sessions, which WireGuard doesn't tell. Handshake
// packets that leave are for this peer if their mac1 is, and name our index; the peer's comes with
// the response, whoever sends it. So nothing has to be guessed from times, except which of the
// sessions WireGuard uses: the newest that isn't younger than its handshake.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::path {

class HandshakeIndex {
 public:
  HandshakeIndex(const crypto::ExchangeKey& own, const crypto::ExchangeKey& peer);

  // A WireGuard packet that came to the party's port, whoever sent it; one that left from there,
  // whoever it is for. True when that made a session known.
  bool on_received(Instant now, ByteView packet);
  bool on_sent(Instant now, ByteView packet);
  // WireGuard's newest handshake with this peer; the same value again changes nothing.
  void on_handshake(Instant at);
  // A filter on own() didn't hold. Unknown until the next handshake.
  void doubt();
  void forget();  // the peer was replaced: its sessions are gone

  // Of the running session.
  std::optional<std::uint32_t> own() const;
  std::optional<std::uint32_t> peer() const;
  // What the peer may be reached by now: its indexes of the latest sessions, newest first, at most
  // three, also of a session whose handshake isn't over yet.
  std::vector<std::uint32_t> peer_indexes(Instant now, Duration session_life) const;

 private:
  struct Half {
    Instant at;
    std::uint32_t own;
    std::uint32_t peer = 0;  // of a response
  };
  bool learn(const Half& session);
  const Half* running() const;

  wireguard::Mac1Key own_mac1_key_;
  wireguard::Mac1Key peer_mac1_key_;
  std::deque<Half> initiations_;  // ours, unanswered
  std::deque<Half> responses_;    // to us, of whoever
  std::deque<Half> sessions_;     // newest last
  std::optional<Instant> handshake_;
  bool doubted_ = false;
};

}  // namespace lanrage::path
