// Two valid histories of one party: only a server that shows members different things, or one that
// forgot what it had, makes them. Which of them counts is for those who govern the party to say,
// never for the server; every member that knows both decides alike.
#pragma once

#include <set>
#include <span>

#include "party/ledger.hpp"

namespace lanrage::trust {

enum class Choice {
  ours,
  theirs,
  undecided,  // nobody who governs the party has signed anything since: each side goes on
};

// What two histories have after their last common record; each was verified. The one in which the
// root key signed a roster comes before one in which a deputy did, and that before one without. Of
// equals the later key_epoch, then the smaller hash of the first roster. Charters don't count: they
// name no history, so a server can put the same one into any.
Choice choose(std::span<const Bytes> ours, std::span<const Bytes> theirs,
              const party::VerifyKey& root_key);

// What deputies' rosters in the history that isn't followed left out, though the followed one has
// it.
struct Overruled {
  std::set<PeerId> outcasts;  // members
  std::set<InviteId> invites;

  bool any() const { return !outcasts.empty() || !invites.empty(); }
  void merge(Overruled other);
  friend bool operator==(const Overruled&, const Overruled&) = default;
};

// Nothing, where the root key signed a roster in `followed` since they parted. `past`: the ledger
// there; `followed_since`: the followed history from then on.
Overruled overruled(const party::Ledger& past, std::span<const Bytes> not_followed,
                    std::span<const Bytes> followed_since, const party::Ledger& followed);

}  // namespace lanrage::trust
