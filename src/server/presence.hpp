// Who is there: soft state, never journaled. A peer is online in a party while it has a
// subscription to it, or shortly after its connection was lost, or for a lease after a heartbeat
// without a WebSocket. The cost of each call doesn't depend on how many peers there are.
#pragma once

#include <map>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "server/limits.hpp"
#include "store/store.hpp"

namespace lanrage::server {

struct PresenceState {
  bool online = false;
  UnixTime last_seen{};
};

class Presence {
 public:
  explicit Presence(const Limits& limits) : limits_(limits) {}

  // At start: as the store remembers it, peer by peer, and then once: those alive when the last
  // server stopped count as online for the restart's grace, so that nobody sees a group vanish and
  // return.
  void recall(const PartyId& party, const PeerId& peer, UnixTime last_seen);
  void resume(UnixTime now);

  // These return true when the peer thereby came online or went offline: tell the others.
  bool subscribed(const PartyId& party, const PeerId& peer, UnixTime now);
  // `clean`: the peer closed its connection itself, so there is nothing to wait for.
  bool unsubscribed(const PartyId& party, const PeerId& peer, bool clean, UnixTime now);
  bool heartbeat(const PartyId& party, const PeerId& peer, UnixTime now);

  void joined(const PartyId& party, const PeerId& peer, UnixTime now);
  void forget(const PartyId& party, const PeerId& peer);
  void forget(const PartyId& party);

  PresenceState of(const PartyId& party, const PeerId& peer) const;
  // When anybody of the party was there last; nothing while somebody is.
  std::optional<UnixTime> unused_since(const PartyId& party) const;
  // Those whose grace or lease has run out: now offline.
  std::vector<std::pair<PartyId, PeerId>> expire(UnixTime now);
  // What changed since the last call, for the store.
  std::vector<store::Lease> take_changes();
  std::size_t size() const;

 private:
  struct Entry {
    std::size_t subscriptions = 0;
    std::optional<UnixTime> online_until;  // without a subscription
    UnixTime last_seen{};
    bool changed = false;
    bool awaited = false;  // has a place in deadlines_

    bool online() const { return subscriptions > 0 || online_until; }
  };
  using Key = std::pair<PartyId, PeerId>;
  using Deadline = std::pair<UnixTime, Key>;

  Entry& entry(const Key& key) { return parties_[key.first][key.second]; }
  Entry* find(const Key& key);
  const Entry* find(const Key& key) const;
  void see(const Key& key, Entry& entry, UnixTime now);
  void keep_until(const Key& key, Entry& entry, UnixTime until);

  const Limits& limits_;
  std::unordered_map<PartyId, std::map<PeerId, Entry>> parties_;
  // One place a peer at most; what it says may have been put off since.
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>> deadlines_;
  std::vector<Key> changed_;
};

}  // namespace lanrage::server
