// The party keys that this device has: the newest, which follows the rosters, and older ones for as
// long as some pair's WireGuard may still use them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "party/ledger.hpp"
#include "party/party_key.hpp"

namespace lanrage::trust {

// Names a party key to whoever has it. The epoch alone wouldn't do: two histories may each have a
// key of that number.
struct KeyId {
  std::uint32_t epoch = 0;
  ByteArray<8> commitment{};  // the first bytes of PartyKey::commitment
  friend auto operator<=>(const KeyId&, const KeyId&) = default;
};
KeyId key_id(const PartyId& party, const party::PartyKey& key);
// Of the key that a roster commits to.
KeyId key_id(const party::Roster& roster);

class KeyRing {
 public:
  static constexpr std::size_t kMaxOlder = 4;  // the oldest go first

  enum class Outcome {
    current,  // the newest key is that of the newest roster
    taken,    // it is now
    missing,  // it is an older one, and no box opened: tunnels go on with it
  };
  struct Followed {
    Outcome outcome;
    std::optional<Error> why;  // missing, though there was a box
  };

  // `older`: oldest first.
  KeyRing(const PartyId& party, party::PartyKey newest, std::vector<party::PartyKey> older = {});

  const party::PartyKey& newest() const { return keys_.back().key; }
  const KeyId& newest_id() const { return keys_.back().id; }
  std::vector<party::PartyKey> older() const;  // oldest first, to be kept
  bool is_current(const party::Ledger& ledger) const {
    return newest_id() == key_id(ledger.roster());
  }
  const party::PartyKey* find(const KeyId& id) const;  // null: not here
  std::vector<KeyId> ids() const;                      // oldest first

  // To be called when records or a box have come. Whoever sends a box may have it for the newest
  // roster only, so one that comes with an older roster waits here for the records after it.
  Followed follow(const party::Ledger& ledger, const crypto::ExchangeSecret& box_secret,
                  const std::optional<Bytes>& box);
  // Forgets the older keys but those named. True when any went.
  bool retain(const std::set<KeyId>& in_use);

 private:
  struct Entry {
    KeyId id;
    party::PartyKey key;
  };

  PartyId party_;
  std::vector<Entry> keys_;   // the newest last
  std::optional<Bytes> box_;  // not opened yet
};

}  // namespace lanrage::trust
