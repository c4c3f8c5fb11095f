// The party's root key on this device, and its way to another: the host hands it to whom it is
// about to name in its place, and whoever else still has it hands it to the host. Nobody forgets it
// before the host has said, by the same charter, that it is on its disk: whatever stops in between,
// somebody has it.
#pragma once

#include <optional>
#include <set>

#include "base/random.hpp"
#include "party/root_box.hpp"
#include "trust/gossip.hpp"

namespace lanrage::trust {

class RootHandover {
 public:
  // What wasn't answered is sent again after this time, then after twice as long, up to kSlowest.
  static constexpr Duration kRepeat = std::chrono::milliseconds(500);
  static constexpr Duration kSlowest = std::chrono::seconds(16);
  // Whoever was handed the key waits so long to be named the host; then it goes back.
  static constexpr Duration kPatience = std::chrono::seconds(60);

  // `log`, `gossip` and `random` outlive it.
  RootHandover(const VerifiedLog& log, const Gossip& gossip, const PeerId& self,
               crypto::ExchangeSecret box, Random& random, std::optional<crypto::SigningKey> key)
      : log_(log),
        gossip_(gossip),
        random_(random),
        self_(self),
        box_(std::move(box)),
        key_(std::move(key)) {}

  // To be kept on disk; null: not here.
  const crypto::SigningKey* held() const { return key_ ? &*key_ : nullptr; }
  // What this device may sign with: null unless it is the host.
  const crypto::SigningKey* root() const { return is_host() ? held() : nullptr; }

  // The host's player wants `to` to have it, which takes some messages; or not any more.
  void offer(Instant now, const PeerId& to);
  void withdraw() { offered_to_.reset(); }
  bool taken() const { return taken_; }  // by whom it was offered to, onto its disk

  // The log has changed, or a member has come into reach.
  void on_change(Instant now);
  // These two: true where held() has changed.
  bool on_root(Instant now, const PeerId& from, ByteView box);
  bool on_kept(const PeerId& from, const crypto::Hash& charter);
  void on_timeout(Instant now, Gossip::Sends& out);
  // held() and the log are on disk: who handed us the key is told.
  void confirm(Gossip::Sends& out);
  std::optional<Instant> next_timeout(Instant now) const;

 private:
  struct Handed {  // to us, who aren't the host yet
    crypto::Hash charter;
    Instant until;
  };

  bool is_host() const { return log_.ledger().host_id() == self_; }
  bool waits(Instant now) const;
  std::optional<PeerId> receiver(Instant now) const;
  party::RootRoute route(const PeerId& from, const PeerId& to) const;

  const VerifiedLog& log_;
  const Gossip& gossip_;
  Random& random_;
  PeerId self_;
  crypto::ExchangeSecret box_;
  std::optional<crypto::SigningKey> key_;
  std::optional<PeerId> offered_to_;
  bool taken_ = false;
  std::optional<Handed> handed_;
  std::set<PeerId> unconfirmed_;  // who handed us the key, and isn't told yet that it is kept
  Instant next_send_{};
  Duration repeat_ = kRepeat;
};

}  // namespace lanrage::trust
