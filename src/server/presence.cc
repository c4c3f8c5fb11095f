#include "server/presence.hpp"

#include <algorithm>

namespace lanrage::server {

void Presence::recall(const PartyId& party, const PeerId& peer, UnixTime last_seen) {
  // Not what a clock said that was ahead.
  entry({party, peer}).last_seen = std::min(last_seen, clock_.unix_time());
}

void Presence::resume() {
  const Instant until = clock_.monotonic() + limits_.restart_grace;
  UnixTime stopped{};  // the last sign of life of anybody: about when the last server stopped
  for (const auto& [party, peers] : parties_)
    for (const auto& [peer, entry] : peers)
      stopped = std::max(stopped, entry.last_seen);
  for (auto& [party, peers] : parties_)
    for (auto& [peer, entry] : peers)
      if (entry.last_seen + limits_.stale_after >= stopped) keep_until({party, peer}, entry, until);
}

Presence::Entry* Presence::find(const Key& key) {
  return const_cast<Entry*>(std::as_const(*this).find(key));
}

const Presence::Entry* Presence::find(const Key& key) const {
  const auto party = parties_.find(key.first);
  if (party == parties_.end()) return nullptr;
  const auto peer = party->second.find(key.second);
  return peer == party->second.end() ? nullptr : &peer->second;
}

void Presence::see(const Key& key, Entry& entry) {
  entry.last_seen = std::max(entry.last_seen, clock_.unix_time());
  if (!std::exchange(entry.changed, true)) changed_.push_back(key);
}

void Presence::keep_until(const Key& key, Entry& entry, Instant until) {
  entry.online_until = until;
  if (entry.awaited && *entry.awaited <= until) return;
  entry.awaited = until;
  deadlines_.emplace(until, key);
}

bool Presence::subscribed(const PartyId& party, const PeerId& peer) {
  const Key key{party, peer};
  Entry& subscriber = entry(key);
  const bool was = subscriber.online();
  ++subscriber.subscriptions;
  subscriber.online_until.reset();
  see(key, subscriber);
  return !was;
}

bool Presence::unsubscribed(const PartyId& party, const PeerId& peer, bool clean) {
  const Key key{party, peer};
  Entry* subscriber = find(key);
  if (!subscriber || subscriber->subscriptions == 0) return false;
  --subscriber->subscriptions;
  see(key, *subscriber);
  if (subscriber->subscriptions > 0) return false;
  if (!clean) keep_until(key, *subscriber, clock_.monotonic() + limits_.offline_grace);
  return clean;
}

bool Presence::heartbeat(const PartyId& party, const PeerId& peer) {
  const Key key{party, peer};
  Entry& alive = entry(key);
  const bool was = alive.online();
  see(key, alive);
  if (alive.subscriptions == 0) keep_until(key, alive, clock_.monotonic() + limits_.stale_after);
  return !was;
}

void Presence::joined(const PartyId& party, const PeerId& peer) {
  const Key key{party, peer};
  see(key, entry(key));
}

void Presence::forget(const PartyId& party, const PeerId& peer) {
  const auto found = parties_.find(party);
  if (found == parties_.end()) return;
  found->second.erase(peer);
  if (found->second.empty()) parties_.erase(found);
}

void Presence::forget(const PartyId& party) {
  parties_.erase(party);
}

PresenceState Presence::of(const PartyId& party, const PeerId& peer) const {
  const Entry* known = find({party, peer});
  return known ? PresenceState{known->online(), known->last_seen} : PresenceState{};
}

std::optional<UnixTime> Presence::unused_since(const PartyId& party) const {
  const auto found = parties_.find(party);
  UnixTime last{};
  if (found == parties_.end()) return last;
  for (const auto& [peer, entry] : found->second) {
    if (entry.online()) return std::nullopt;
    last = std::max(last, entry.last_seen);
  }
  return last;
}

std::vector<std::pair<PartyId, PeerId>> Presence::expire() {
  const Instant now = clock_.monotonic();
  std::vector<Key> gone;
  while (!deadlines_.empty() && deadlines_.top().first <= now) {
    const auto [place, key] = deadlines_.top();
    deadlines_.pop();
    Entry* due = find(key);
    if (!due || due->awaited != place) continue;
    due->awaited.reset();
    if (!due->online_until) continue;
    if (*due->online_until > now) {
      keep_until(key, *due, *due->online_until);
    } else {
      due->online_until.reset();
      gone.push_back(key);
    }
  }
  return gone;
}

std::vector<store::Lease> Presence::take_changes() {
  std::vector<store::Lease> out;
  out.reserve(changed_.size());
  for (const Key& key : std::exchange(changed_, {}))
    if (Entry* entry = find(key); entry && std::exchange(entry->changed, false))
      out.push_back({key.first, key.second, entry->last_seen});
  return out;
}

std::size_t Presence::size() const {
  std::size_t count = 0;
  for (const auto& [party, peers] : parties_)
    count += peers.size();
  return count;
}

}  // namespace lanrage::server
