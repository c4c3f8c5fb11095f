// What a server that went back to an old backup takes from its party's members: records that it
// has forgotten, judged as if they came for the first time, as one event a step of the party.
#pragma once

#include "party/command.hpp"
#include "party/party_state.hpp"
#include "party/proven_signatures.hpp"

namespace lanrage::party {

// The events that these records were; none where all are known already. No event has a request.
// stale_head: they begin beyond our log, or too far back; split_history: our log isn't their
// beginning, so the two have parted and this isn't ours to mend; record_refused: by the ledger. Our
// own limits: log_full, party_full, too_many_invites, barred. missing_box.
//
// Dates are judged as of our newest event: what came after it is what was forgotten, and no server
// could have taken an admission by an invite that had ended before.
Result<std::vector<Event>> take_back(const Party& party, const HandBack& back, UnixTime now,
                                     const Limits& limits, const ProvenSignatures& proven);

// Whom the record speaks for, as it says itself: the identity of a member, or the key of whoever
// governs. Nothing where it is no record.
std::optional<PeerId> author_of(ByteView record);

}  // namespace lanrage::party
