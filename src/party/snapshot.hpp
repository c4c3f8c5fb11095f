// A party in one piece, so that a server needn't replay its events from the first one on.
#pragma once

#include "party/party_state.hpp"

namespace lanrage::party {

// Everything that evolve() has made of the party's events, journal and requests too. The party must
// have had its first event.
Bytes encode_party(const Party& party);
// The layout begins with its version and is exact: decode accepts only what encode writes. The log
// is replayed without checking signatures, as evolve() does it; whatever doesn't fit the rest is
// Errc::malformed. A journal longer than limits.journal_events is shortened.
Result<Party> decode_party(ByteView bytes, const PartyId& id, const Limits& limits = {});

}  // namespace lanrage::party
