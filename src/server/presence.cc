#include "server/presence.hpp"

#include <algorithm>

namespace lanrage::server {

void Presence::restore(const std::vector<store::StoredParty>& parties, UnixTime now) {
  UnixTime stopped{};  // the last sign of life of anybody: about when the last server stopped
  for (const auto& party : parties)
    for (const auto& peer : party.peers)
      stopped = std::max(stopped, peer.last_seen);
  for (const auto& party : parties)
    for (const auto& peer : party.peers) {
      Entry entry;
      entry.last_seen = peer.last_seen;
      if (peer.last_seen + limits_.rest_lease >= stopped)
        entry.online_until = now + limits_.restart_grace;
      entries_[{party.row.id, peer.id}] = entry;
    }
}

void Presence::see(Entry& entry, UnixTime now) {
  entry.last_seen = std::max(entry.last_seen, now);
  entry.changed = true;
}

bool Presence::subscribed(const PartyId& party, const PeerId& peer, UnixTime now) {
  Entry& entry = entries_[{party, peer}];
  const bool was = entry.online();
  ++entry.subscriptions;
  entry.online_until.reset();
  see(entry, now);
  return !was;
}

bool Presence::unsubscribed(const PartyId& party, const PeerId& peer, bool clean, UnixTime now) {
  const auto found = entries_.find({party, peer});
  if (found == entries_.end() || found->second.subscriptions == 0) return false;
  Entry& entry = found->second;
  --entry.subscriptions;
  see(entry, now);
  if (entry.subscriptions > 0) return false;
  if (!clean) entry.online_until = now + limits_.offline_grace;
  return clean;
}

bool Presence::heartbeat(const PartyId& party, const PeerId& peer, UnixTime now) {
  Entry& entry = entries_[{party, peer}];
  const bool was = entry.online();
  see(entry, now);
  if (entry.subscriptions == 0) entry.online_until = now + limits_.rest_lease;
  return !was;
}

void Presence::joined(const PartyId& party, const PeerId& peer, UnixTime now) {
  see(entries_[{party, peer}], now);
}

void Presence::forget(const PartyId& party, const PeerId& peer) {
  entries_.erase({party, peer});
}

void Presence::forget(const PartyId& party) {
  auto first = entries_.lower_bound({party, PeerId{}});
  auto last = first;
  while (last != entries_.end() && last->first.first == party)
    ++last;
  entries_.erase(first, last);
}

PresenceState Presence::of(const PartyId& party, const PeerId& peer) const {
  const auto found = entries_.find({party, peer});
  if (found == entries_.end()) return {};
  return {found->second.online(), found->second.last_seen};
}

std::vector<std::pair<PartyId, PeerId>> Presence::expire(UnixTime now) {
  std::vector<std::pair<PartyId, PeerId>> gone;
  for (auto& [key, entry] : entries_)
    if (entry.subscriptions == 0 && entry.online_until && *entry.online_until <= now) {
      entry.online_until.reset();
      gone.push_back(key);
    }
  return gone;
}

std::vector<store::Lease> Presence::take_changes() {
  std::vector<store::Lease> out;
  for (auto& [key, entry] : entries_)
    if (std::exchange(entry.changed, false))
      out.push_back({key.first, key.second, entry.last_seen});
  return out;
}

}  // namespace lanrage::server
