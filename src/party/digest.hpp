// A hash over what server and members must agree on: party id, seq, log head, and the members
// sorted by id with identity, keys, address, nick and statement version. No soft state.
#pragma once

#include "party/ledger.hpp"

namespace lanrage::party {

// `seq` is the server's event number, which agents learn with each event.
crypto::Hash digest(const Ledger& ledger, std::uint64_t seq);

}  // namespace lanrage::party
