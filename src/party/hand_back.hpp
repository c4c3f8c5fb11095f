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
// Dates are judged by `now`; but where this server came from a backup and has taken no record of
// the party of its own since, as of that backup: what is handed back then is what it forgot, and
// was right in its time. The events have the date by which they were judged, so that they aren't
// taken for records of our own.
//
// A roster's boxes are forgotten by whoever handed it in first; any member seals them anew, also
// where no record is new. None takes the place of one that is there.
Result<std::vector<Event>> take_back(const Party& party, const PeerId& from, HandBack given,
                                     UnixTime now, const Limits& limits,
                                     const ProvenSignatures& proven);

// What there is to take of it, found without checking a signature: records that follow our log, and
// boxes that somebody lacks. Errors are those of take_back() that need no more: stale_head,
// split_history, missing_box.
Result<HandBack> without_known(const Party& party, HandBack back, UnixTime now);

// Whom the record speaks for, as it says itself: the identity of a member, or the key of whoever
// governs. Nothing where it is no record.
std::optional<PeerId> author_of(ByteView record);

}  // namespace lanrage::party
