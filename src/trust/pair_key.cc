#include "trust/pair_key.hpp"

#include <algorithm>

namespace lanrage::trust {

void PairKey::on_handshake(Instant now) {
  last_handshake_ = now;
  idle_since_ = now + kSession;
  turn_ends_.reset();
}

void PairKey::on_restart(Instant now) {
  last_handshake_.reset();
  idle_since_ = now;
  turn_ends_.reset();
}

const KeyId& PairKey::choose(Instant now, const KeyRing& ring, Random& random) {
  const auto& newest = ring.newest_id();
  if (!in_use_ || ring.find(*in_use_) == nullptr) in_use_ = newest;
  if (has_session(now)) {
    if (stated_ == newest) in_use_ = newest;
    return *in_use_;
  }
  const auto ids = ring.ids();
  if (ids.size() == 1 || now < idle_since_ + kPatience) {
    in_use_ = newest;
  } else if (!turn_ends_ || now >= *turn_ends_) {
    turn_ends_ = now + kTurn;
    const bool newest_again = random.below(2) == 0;
    in_use_ = newest_again ? newest : ids[random.below(ids.size() - 1)];
  }
  return *in_use_;
}

std::optional<Instant> PairKey::next_timeout(const KeyRing& ring) const {
  if (ring.ids().size() == 1) return std::nullopt;
  if (turn_ends_) return turn_ends_;
  const auto patience_ends = idle_since_ + kPatience;
  // The session's end matters only where an older key is in use.
  return in_use_ && *in_use_ != ring.newest_id() ? idle_since_ : patience_ends;
}

}  // namespace lanrage::trust
