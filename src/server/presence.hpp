// Who is there: soft state, never journaled. A peer is online in a party while it has a
// subscription to it, or shortly after its connection was lost, or for a lease after a heartbeat
// without a WebSocket. The cost of each call doesn't depend on how many peers there are. Waits are
// measured by the monotonic clock, so that a wall clock that is set makes nobody stay or vanish.
#pragma once

#include <map>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "server/clock.hpp"
#include "server/limits.hpp"
#include "store/store.hpp"

namespace lanrage::server {

struct PresenceState {
  bool online = false;
  UnixTime last_seen{};
};

class Presence {
 public:
  Presence(const Limits& limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  // At start: as the store remembers it, peer by peer, and then once: those alive when the last
  // server stopped count as online for the restart's grace, so that nobody sees a group vanish and
  // return.
  void recall(const PartyId& party, const PeerId& peer, UnixTime last_seen);
  void resume();

  // These return true when the peer thereby came online or went offline: tell the others.
  bool subscribed(const PartyId& party, const PeerId& peer);
  // `clean`: the peer closed its connection itself, so there is nothing to wait for.
  bool unsubscribed(const PartyId& party, const PeerId& peer, bool clean);
  bool heartbeat(const PartyId& party, const PeerId& peer);

  void joined(const PartyId& party, const PeerId& peer);
  void forget(const PartyId& party, const PeerId& peer);
  void forget(const PartyId& party);

  PresenceState of(const PartyId& party, const PeerId& peer) const;
  // When anybody of the party was there last; nothing while somebody is.
  std::optional<UnixTime> unused_since(const PartyId& party) const;
  // Those whose grace or lease has run out: now offline.
  std::vector<std::pair<PartyId, PeerId>> expire();
  // What changed since the last call, for the store.
  std::vector<store::Lease> take_changes();
  std::size_t size() const;

 private:
  struct Entry {
    std::size_t subscriptions = 0;
    std::optional<Instant> online_until;  // without a subscription
    UnixTime last_seen{};
    bool changed = false;
    std::optional<Instant> awaited;  // its earliest place in deadlines_

    bool online() const { return subscriptions > 0 || online_until; }
  };
  using Key = std::pair<PartyId, PeerId>;
  using Deadline = std::pair<Instant, Key>;

  Entry& entry(const Key& key) { return parties_[key.first][key.second]; }
  Entry* find(const Key& key);
  const Entry* find(const Key& key) const;
  void see(const Key& key, Entry& entry);
  void keep_until(const Key& key, Entry& entry, Instant until);

  const Limits& limits_;
  const Clock& clock_;
  std::unordered_map<PartyId, std::map<PeerId, Entry>> parties_;
  // A peer's earliest place counts; what it says may have been put off since.
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>> deadlines_;
  std::vector<Key> changed_;
};

}  // namespace lanrage::server
