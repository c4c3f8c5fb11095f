// Which party key the preshared key of one pair derives from. Both sides must use the same one when
// WireGuard shakes hands, and neither knows when the other has changed: so each changes once the
// other has said, over the tunnel, that it has the new one. A session outlives the change.
#pragma once

#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "trust/key_ring.hpp"

namespace lanrage::trust {

class PairKey {
 public:
  // WireGuard's REJECT_AFTER_TIME: so long after a handshake its session is used.
  static constexpr Duration kSession = std::chrono::seconds(180);
  // Without a session: the newest key alone for so long, then by turns with older ones, because the
  // other may not have learned of the newest, and can only learn it from us.
  static constexpr Duration kPatience = std::chrono::seconds(20);
  // A turn: time for some of WireGuard's attempts (REKEY_TIMEOUT, 5 s). Drawn by lot, so that two
  // sides in step don't miss each other for ever.
  static constexpr Duration kTurn = std::chrono::seconds(15);

  explicit PairKey(Instant now) : idle_since_(now) {}

  // The other said which key is its newest.
  void on_stated(const KeyId& id) { stated_ = id; }
  // WireGuard shook hands: with the key in use.
  void on_handshake(Instant now);
  // The other began anew: its end of the session is gone, and it takes its newest key.
  void on_restart(Instant now);

  // To be called after each change, and at next_timeout().
  const KeyId& choose(Instant now, const KeyRing& ring, Random& random);
  // The choice of before; only after the first choose().
  const KeyId& in_use() const { return *in_use_; }
  std::optional<Instant> next_timeout(const KeyRing& ring) const;

 private:
  bool has_session(Instant now) const {
    return last_handshake_ && now < *last_handshake_ + kSession;
  }

  std::optional<KeyId> in_use_;
  std::optional<KeyId> stated_;
  std::optional<Instant> last_handshake_;
  Instant idle_since_;
  std::optional<Instant> turn_ends_;
};

}  // namespace lanrage::trust
