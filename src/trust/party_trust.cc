#include "trust/party_trust.hpp"

#include <algorithm>
#include <utility>

#include "party/membership.hpp"

namespace lanrage::trust {

using Outcome = VerifiedLog::Outcome;

PartyTrust::PartyTrust(Instant now, Device device, party::Ledger ledger, std::vector<Bytes> records,
                       KeyRing keys, bool fresh, Random& random, Overruled overruled,
                       party::LogProver prover)
    : device_(std::move(device)),
      random_(random),
      log_(std::move(ledger), std::move(records), std::move(overruled), std::move(prover)),
      keys_(std::move(keys)),
      gossip_(log_, keys_),
      root_(log_, gossip_, device_.self, device_.box, random,
            std::exchange(device_.root, std::nullopt)),
      confirmed_(fresh) {
  Effects ignored;
  refresh(now, ignored);
}

// ---- the control server's word

Effects PartyTrust::on_snapshot(Instant now, std::span<const Bytes> log, std::uint64_t seq,
                                std::string incarnation, const std::optional<Bytes>& box) {
  Effects out;
  const auto merge = log_.merge(log, seq, std::move(incarnation));
  server_told_all_ = true;
  if (doubt_ && doubt_->asked) doubt_->answered = true;
  server_findings(merge, out);
  after_merge(now, merge, out);
  const auto followed = follow_key(box, out);
  // One made before the newest records came to us has an older box.
  if (log_.server_has_all() && followed.outcome == KeyRing::Outcome::missing)
    report(followed.why ? Topic::key_refused : Topic::key_missing, true, out, {},
           followed.why ? followed.why->message() : "");
  if (log_.server_has_all()) confirm(out);
  refresh(now, out);
  return out;
}

Effects PartyTrust::on_event(Instant now, std::uint64_t seq, std::span<const Bytes> records,
                             const std::optional<Bytes>& box) {
  Effects out;
  const auto merge = log_.append(seq, records);
  server_findings(merge, out);
  after_merge(now, merge, out);
  follow_key(box, out);
  const bool in_order = merge.outcome == Outcome::adopted || merge.outcome == Outcome::known;
  if (in_order && !key_is_current() && log_.take_snapshot_wish())
    out.want_snapshot = true;                                   // the box comes with it
  if (server_told_all_ && log_.server_has_all()) confirm(out);  // it had forgotten some
  refresh(now, out);
  return out;
}

Effects PartyTrust::on_caught_up(Instant now, std::uint64_t seq) {
  Effects out;
  if (seq == log_.seq()) {
    server_told_all_ = true;
    if (log_.server_has_all()) confirm(out);
  }
  refresh(now, out);
  return out;
}

void PartyTrust::server_findings(const VerifiedLog::Merge& merge, Effects& out) {
  switch (merge.outcome) {
    case Outcome::adopted:
    case Outcome::known:
    case Outcome::replaced:
    case Outcome::behind:
      report(Topic::server_split, false, out);
      report(Topic::server_record_refused, false, out);
      return;
    case Outcome::gap:
      return;
    case Outcome::split:
      return report(Topic::server_split, true, out);
    case Outcome::refused:
      return report(Topic::server_record_refused, true, out, {}, merge.why->message());
  }
}

// ---- the members'

Effects PartyTrust::on_datagram(Instant now, const PeerId& from, ByteView datagram) {
  Effects out;
  auto news = gossip_.on_datagram(now, from, datagram, out.sends);
  if (news.stated) {
    const auto& state = *gossip_.stated(from);
    if (const auto pair = pairs_.find(from); pair != pairs_.end())
      pair->second.choice.on_stated(state.key);
    // Two who were shown the same may still both be behind; but nothing more is to be had of it.
    if (state.heads.front() == log_.head()) vouch(from, out);
  }
  if (news.lacks_key) send_box(from, out);
  // One that doesn't open mustn't take the place of the server's.
  if (news.box && party::recover_party_key(ledger(), device_.box, *news.box))
    follow_key(news.box, out);
  if (news.branch) adopt_branch(now, from, std::move(*news.branch), out);
  if (news.root) out.keep |= root_.on_root(now, from, *news.root);
  if (news.root_kept) out.keep |= root_.on_kept(from, *news.root_kept);
  refresh(now, out);
  return out;
}

void PartyTrust::adopt_branch(Instant now, const PeerId& from, Gossip::Branch branch,
                              Effects& out) {
  if (branch.after > log_.length()) return;
  const auto merge = log_.merge_branch(branch.after, branch.records);
  if (merge.outcome == Outcome::split || merge.outcome == Outcome::replaced)
    report(Topic::member_split, true, out, from);
  if (merge.why) report(Topic::member_record_refused, true, out, from, merge.why->message());
  after_merge(now, merge, out);
  follow_key(std::nullopt, out);
  // The roster may have left `from` out.
  if (ledger().member(from) != nullptr && from != device_.self) {
    if (merge.outcome == Outcome::split || merge.outcome == Outcome::refused)
      gossip_.on_parted(now, from, branch.head);
  }
  const bool followed = merge.outcome == Outcome::adopted || merge.outcome == Outcome::replaced;
  if (followed && ledger().member(from) != nullptr) vouch(from, out);
}

Effects PartyTrust::on_handshake(Instant now, const PeerId& peer) {
  Effects out;
  if (const auto pair = pairs_.find(peer); pair != pairs_.end())
    pair->second.choice.on_handshake(now);
  gossip_.on_handshake(now, peer);
  gossip_.on_timeout(now, out.sends);
  root_.on_change(now);
  refresh(now, out);
  return out;
}

Effects PartyTrust::on_restart(Instant now, const PeerId& peer) {
  Effects out;
  if (const auto pair = pairs_.find(peer); pair != pairs_.end())
    pair->second.choice.on_restart(now);
  refresh(now, out);
  return out;
}

Effects PartyTrust::on_timeout(Instant now) {
  Effects out;
  gossip_.on_timeout(now, out.sends);
  refresh(now, out);
  return out;
}

Effects PartyTrust::on_stored(Instant now) {
  Effects out;
  stored_ = true;
  gossip_.release(now);
  refresh(now, out);
  return out;
}

Effects PartyTrust::offer_root(Instant now, const PeerId& to) {
  Effects out;
  root_.offer(now, to);
  refresh(now, out);
  return out;
}

std::optional<Instant> PartyTrust::next_timeout(Instant now) const {
  auto out = gossip_.next_timeout(now);
  if (const auto at = root_.next_timeout(now)) out = std::min(out.value_or(*at), *at);
  for (const auto& [id, pair] : pairs_)
    if (const auto at = pair.choice.next_timeout(keys_)) out = std::min(out.value_or(*at), *at);
  if (doubt_ && !has_open(Topic::server_behind)) {
    const auto at = doubt_->asked.value_or(doubt_->since) + kDoubt;
    out = std::min(out.value_or(at), at);
  }
  return out;
}

// ---- what follows

std::vector<Access> PartyTrust::access() const {
  std::vector<Access> out;
  out.reserve(pairs_.size());
  for (const auto& [id, pair] : pairs_)
    out.push_back({id, pair.preshared->key, may_talk(id)});
  return out;
}

void PartyTrust::after_merge(Instant now, const VerifiedLog::Merge& merge, Effects& out) {
  switch (merge.outcome) {
    case Outcome::known:
    case Outcome::behind:
      break;
    case Outcome::split:
      out.keep = out.access_changed = true;  // it may have overruled a deputy
      break;
    case Outcome::gap:
      out.want_snapshot |= log_.take_snapshot_wish();
      return;
    case Outcome::refused:
      out.want_snapshot |= log_.take_snapshot_wish();
      [[fallthrough]];
    case Outcome::adopted:
    case Outcome::replaced:
      out.keep = out.access_changed = true;
      gossip_.on_change(now);
      root_.on_change(now);
      break;
  }
  out.removed |= std::ranges::count(merge.removed, device_.self) > 0 &&
                 ledger().member(device_.self) == nullptr;
}

KeyRing::Followed PartyTrust::follow_key(const std::optional<Bytes>& box, Effects& out) {
  if (ledger().member(device_.self) == nullptr)
    return {KeyRing::Outcome::current, std::nullopt};  // not for us any more
  auto followed = keys_.follow(ledger(), device_.box, box);
  if (followed.outcome == KeyRing::Outcome::missing) return followed;
  report(Topic::key_missing, false, out);
  report(Topic::key_refused, false, out);
  if (followed.outcome != KeyRing::Outcome::taken) return followed;
  out.keep = out.access_changed = true;
  key_changed_ = true;
  return followed;
}

void PartyTrust::send_box(const PeerId& to, Effects& out) {
  const auto* member = ledger().member(to);
  if (member == nullptr) return;
  const party::BoxContents contents{keys_.newest(), ledger().charter().root_key,
                                    ledger().roster_hash()};
  if (auto sealed = party::seal_party_key(random_, contents, member->box))
    out.sends.push_back({to, encode(BoxMessage{keys_.newest_id(), std::move(sealed->box)})});
}

// Pairs, gossip and root key as members, keys and time have it; last in every call.
void PartyTrust::refresh(Instant now, Effects& out) {
  if (std::exchange(key_changed_, false)) gossip_.on_change(now);
  std::set<PeerId> peers;
  const auto waiting = log_.waiting();
  for (const auto& [id, member] : ledger().members())
    if (id != device_.self && !log_.overruled().outcasts.contains(id) && !waiting.contains(id))
      peers.insert(id);
  const auto gone =
      std::erase_if(pairs_, [&](const auto& entry) { return !peers.contains(entry.first); });
  if (gone > 0) out.access_changed = true;
  bool changed = gone > 0;
  std::set<KeyId> in_use;
  bool all_have_newest = true;
  for (const auto& id : peers) {
    auto [pair, added] = pairs_.try_emplace(id, now);
    changed |= added;
    auto& choice = pair->second.choice;
    const auto before = added ? KeyId{} : choice.in_use();
    const auto chosen = choice.choose(now, keys_, random_);
    if (chosen != before) out.access_changed = true;
    derive(id, pair->second);
    in_use.insert(chosen);
    const auto* state = gossip_.stated(id);
    all_have_newest &= state != nullptr && state->key == keys_.newest_id();
  }
  if (changed) gossip_.set_peers(now, peers);
  // Somebody away may know no newer key than our oldest, and nobody but us may tell it.
  if (all_have_newest && key_is_current()) out.keep |= keys_.retain(in_use);
  judge_server(now, out);
  for (auto it = open_findings_.begin(); it != open_findings_.end();) {
    const auto [topic, member] = *it++;
    if (member == PeerId{}) continue;
    const auto* state = gossip_.stated(member);
    const bool alike = state != nullptr && log_.has(state->heads.front());
    if (alike || !peers.contains(member)) report(topic, false, out, member);
  }
  root_.on_timeout(now, out.sends);
  if (out.keep) {
    stored_ = false;
    gossip_.hold();
  }
  if (stored_) root_.confirm(out.sends);
}

void PartyTrust::derive(const PeerId& peer, Pair& pair) {
  const auto& from = pair.choice.in_use();
  const auto& with = ledger().member(peer)->wireguard;
  if (pair.preshared && pair.preshared->from == from && pair.preshared->with == with) return;
  pair.preshared = Preshared{
      from, with, keys_.find(from)->preshared_key(ledger().party_id(), device_.wireguard, with)};
}

bool PartyTrust::has_open(Topic topic) const {
  return std::ranges::any_of(open_findings_,
                             [topic](const auto& finding) { return finding.first == topic; });
}

// What others told may be on its way from the server still, or wait there for our next question.
// One that shows less than it did itself leaves no such doubt.
void PartyTrust::judge_server(Instant now, Effects& out) {
  if (!server_told_all_ || !log_.in_step() || log_.server_has_all()) {
    doubt_.reset();
    if (log_.server_has_all()) report(Topic::server_behind, false, out);
    return;
  }
  if (!doubt_) doubt_ = Doubt{.since = now};
  const bool silent = now >= doubt_->asked.value_or(doubt_->since) + kDoubt;
  if (!log_.server_went_back() && !doubt_->asked) {
    if (!silent) return;
    doubt_->asked = now;
    out.want_snapshot = true;
  } else if (silent || doubt_->answered) {
    report(Topic::server_behind, true, out);
  }
}

void PartyTrust::confirm(Effects& out) {
  if (confirmed_) return;
  confirmed_ = true;
  out.access_changed = true;
}

void PartyTrust::vouch(const PeerId& member, Effects& out) {
  if (confirmed_ || !vouchers_.insert(member).second) return;
  out.access_changed = true;
}

// Whoever was removed would vouch for itself. With the host's device nobody need: it signed the
// removals, or nearly all.
bool PartyTrust::may_talk(const PeerId& peer) const {
  if (confirmed_ || vouchers_.size() > 1) return true;
  if (vouchers_.empty()) return false;
  const auto host = ledger().host_id();
  return !vouchers_.contains(peer) || peer == host || device_.self == host;
}

void PartyTrust::report(Topic topic, bool raised, Effects& out, const PeerId& member,
                        std::string detail) {
  const auto key = std::pair(topic, member);
  const bool open = open_findings_.contains(key);
  if (raised == open) return;
  if (raised)
    open_findings_.insert(key);
  else
    open_findings_.erase(key);
  out.findings.push_back({topic, raised, member, std::move(detail)});
}

}  // namespace lanrage::trust
