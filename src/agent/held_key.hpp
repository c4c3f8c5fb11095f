// The party key as this device has it, and how it follows the rosters that change it.
#pragma once

#include <optional>
#include <utility>

#include "party/ledger.hpp"
#include "party/party_key.hpp"

namespace lanrage::agent {

class HeldKey {
 public:
  enum class Outcome {
    current,  // the key is that of the newest roster
    taken,    // it is now
    missing,  // it is an older one, and no box opened: tunnels go on with it
  };
  struct Followed {
    Outcome outcome;
    std::optional<Error> why;  // missing, though there was a box
  };

  explicit HeldKey(party::PartyKey key) : key_(std::move(key)) {}

  const party::PartyKey& key() const { return key_; }
  bool is_current(const party::Ledger& ledger) const { return key_.epoch() == ledger.key_epoch(); }

  // To be called when records or a box have come. A server has a box for the newest roster only,
  // so one that comes with an older roster waits here for the records after it.
  Followed follow(const party::Ledger& ledger, const crypto::ExchangeSecret& box_secret,
                  const std::optional<Bytes>& box);

 private:
  party::PartyKey key_;
  std::optional<Bytes> box_;  // not opened yet
};

}  // namespace lanrage::agent
