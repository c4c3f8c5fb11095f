// The rule book of a party: command in, events out; the state isn't touched. To be committed by
// the caller and then carried in by evolve().
#pragma once

#include <optional>
#include <vector>

#include "party/party_state.hpp"
#include "party/proven_signatures.hpp"

namespace lanrage::party {

struct Outcome {
  std::uint64_t seq = 0;  // the party's seq once the events are in; of a repetition: as it was then
  bool repeated = false;  // the same request was answered before: nothing to commit
  std::vector<Event> events;  // may be empty: an update that changes nothing
};

// Error invalid_request_id.
Result<void> check_request_id(const std::string& id);

// Repeating a request_id with the same content yields the first answer, also after its caller left
// the party; other content is request_id_reused. For Create, `party` is the one named by
// party_id_of(charter): existing, or fresh as Party{id}. `proven`: what prove() said of the action.
Result<Outcome> apply(const Party& party, const Command& command, UnixTime now,
                      const Limits& limits = {}, const ProvenSignatures& proven = {});

// What the server hands to whoever proved to hold an invite (proofs.hpp): the log goes with it.
// unknown_invite, invite_revoked, invite_used_up (unless `peer` was admitted by it before),
// invite_expired, party_full, no_vip_free, barred.
struct Opening {
  Bytes box;
  IpAddress vip;  // suggested
};
Result<Opening> open_invite(const Party& party, const InviteId& invite, const PeerId& peer,
                            UnixTime now, const Limits& limits = {});

}  // namespace lanrage::party
