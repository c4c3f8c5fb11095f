// WireGuard as far as paths can feel it: handshakes with one state a peer (so that two initiations
// at once destroy each other), sessions with index pairs, roaming to the source of every
// authenticated packet, rekeying and keepalive timers. Packets have WireGuard's sizes, headers and
// mac1; in place of cryptography they carry the number of the session.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "crypto/keys.hpp"
#include "path/peer_path.hpp"
#include "sim/path_network.hpp"

namespace lanrage::sim {

class WireGuard {
 public:
  using Send = std::function<void(const Endpoint&, Bytes)>;
  using Deliver = std::function<void(const crypto::ExchangeKey& peer, ByteView data)>;

  WireGuard(Clock& clock, Random& random, const crypto::ExchangeKey& own, Send send,
            Deliver deliver);

  void add_peer(const crypto::ExchangeKey& peer);
  void set_endpoint(const crypto::ExchangeKey& peer, const Endpoint& endpoint);
  void replace_peer(const crypto::ExchangeKey& peer, std::optional<Endpoint> endpoint);
  void send_keepalive(const crypto::ExchangeKey& peer);
  void send_data(const crypto::ExchangeKey& peer, ByteView data);
  // Returns whose packet that was, if it was authentic.
  std::optional<crypto::ExchangeKey> receive(const Endpoint& from, ByteView packet);
  path::WireguardView view(const crypto::ExchangeKey& peer) const;
  // Own index of the running session: what a test may ask, but no agent.
  std::optional<std::uint32_t> own_index(const crypto::ExchangeKey& peer) const;

 private:
  struct Session {
    std::uint64_t number;
    std::uint32_t own_index;
    std::uint32_t peer_index;
    Instant born;
    bool initiated;
  };
  struct Peer {
    crypto::ExchangeKey key;
    std::uint64_t generation = 0;  // timers of a replaced peer end
    std::optional<Endpoint> endpoint;
    std::optional<Session> previous, current, next;
    std::optional<std::uint32_t> initiation;  // own index; nothing when the state was overwritten
    std::uint64_t initiation_number = 0;
    std::optional<Instant> initiated_at;
    std::optional<Instant> greatest_timestamp;
    std::optional<Instant> latest_handshake;
    std::optional<Instant> unanswered_since;  // data sent, nothing received after it
    std::optional<Instant> owes_since;        // data received, nothing sent after it
    Instant sent{};
    int attempts = 0;
    Bytes staged;
    std::uint64_t rx = 0, tx = 0;
  };

  Peer* find(const crypto::ExchangeKey& key);
  void tick(const crypto::ExchangeKey& key, std::uint64_t generation);
  void initiate(Peer& peer, bool retry);
  void transmit(Peer& peer, Bytes packet);
  std::optional<crypto::ExchangeKey> on_initiation(const Endpoint& from, ByteView packet);
  std::optional<crypto::ExchangeKey> on_response(const Endpoint& from, ByteView packet);
  std::optional<crypto::ExchangeKey> on_data(const Endpoint& from, ByteView packet);
  Bytes packet(std::uint8_t type, std::size_t size, const crypto::ExchangeKey& to,
               std::uint32_t first, std::uint32_t second, std::uint64_t number) const;

  Clock* clock_;
  Random* random_;
  crypto::ExchangeKey own_;
  Send send_;
  Deliver deliver_;
  std::map<crypto::ExchangeKey, Peer> peers_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>();  // timers of a closed device end
};

// The key that a simulated handshake packet is for, which a relay would find by mac1.
crypto::ExchangeKey recipient_of(ByteView handshake_packet);

}  // namespace lanrage::sim
