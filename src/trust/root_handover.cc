#include "trust/root_handover.hpp"

#include <algorithm>

namespace lanrage::trust {

void RootHandover::offer(Instant now, const PeerId& to) {
  offered_to_ = to;
  taken_ = false;
  on_change(now);
}

void RootHandover::on_change(Instant now) {
  next_send_ = now;
  repeat_ = kRepeat;
}

bool RootHandover::waits(Instant now) const {
  return handed_ && handed_->charter == log_.ledger().charter_hash() && now < handed_->until;
}

std::optional<PeerId> RootHandover::receiver(Instant now) const {
  if (!key_) return std::nullopt;
  if (is_host()) return taken_ ? std::nullopt : offered_to_;
  if (waits(now)) return std::nullopt;
  return log_.ledger().host_id();
}

party::RootRoute RootHandover::route(const PeerId& from, const PeerId& to) const {
  const auto& ledger = log_.ledger();
  return {ledger.party_id(), from, to, ledger.charter_hash()};
}

bool RootHandover::on_root(Instant now, const PeerId& from, ByteView box) {
  const auto& ledger = log_.ledger();
  if (from != ledger.host_id() && !is_host()) return false;
  auto key = party::open_root_key(box_, route(from, self_), ledger.charter().root_key, box);
  if (!key) return false;
  unconfirmed_.insert(from);
  if (!is_host()) handed_ = {ledger.charter_hash(), now + kPatience};
  if (key_) return false;
  key_ = std::move(*key);
  return true;
}

bool RootHandover::on_kept(const PeerId& from, const crypto::Hash& charter) {
  const auto& ledger = log_.ledger();
  if (charter != ledger.charter_hash()) return false;
  if (is_host()) {
    taken_ |= offered_to_ == from;
    return false;
  }
  if (from != ledger.host_id() || !key_) return false;
  key_.reset();
  handed_.reset();
  return true;
}

void RootHandover::on_timeout(Instant now, Gossip::Sends& out) {
  const auto to = receiver(now);
  if (!to || now < next_send_ || !gossip_.within_reach(now, *to)) return;
  const auto* member = log_.ledger().member(*to);
  if (member == nullptr) return;
  if (auto box = party::seal_root_key(random_, *key_, route(self_, *to), member->box))
    out.push_back({*to, encode(RootMessage{std::move(*box)})});
  next_send_ = now + repeat_;
  repeat_ = std::min(repeat_ * 2, kSlowest);
}

void RootHandover::confirm(Gossip::Sends& out) {
  if (key_)
    for (const auto& peer : unconfirmed_)
      out.push_back({peer, encode(RootKeptMessage{log_.ledger().charter_hash()})});
  unconfirmed_.clear();
}

std::optional<Instant> RootHandover::next_timeout(Instant now) const {
  if (key_ && !is_host() && waits(now)) return handed_->until;
  const auto to = receiver(now);
  if (!to || !gossip_.within_reach(now, *to)) return std::nullopt;
  return next_send_;
}

}  // namespace lanrage::trust
