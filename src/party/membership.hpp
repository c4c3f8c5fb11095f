// What a member makes and checks: joining, stating, leaving, restoring.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "party/invite_secret.hpp"
#include "party/ledger.hpp"
#include "party/new_party.hpp"
#include "party/party_key.hpp"

namespace lanrage::party {

struct Membership {
  Ledger ledger;
  PartyKey key;  // of an older epoch than the ledger's while our box for the newest is missing
};

// What the server answered to `open`: verifies the whole log, opens the invite's box and holds the
// party key against the roster's commitment. Trusts nothing but the invite.
Result<Membership> verify_joining_material(const PartyId& party, const InviteSecret& invite,
                                           std::span<const Bytes> log, ByteView box,
                                           const LogProver& prover = {});
// A log from disk, or a server's whole one: founded, and by the rules.
Result<Ledger> restore_ledger(const PartyId& party, std::span<const Bytes> log,
                              const LogProver& prover = {});
// Likewise, with a key that must be that of the log's present roster, or of an earlier one.
Result<Membership> restore_membership(const PartyId& party, std::span<const Bytes> log,
                                      const PartyKey& key, const LogProver& prover = {});
// The party key once more from the box that the server keeps for this device.
Result<PartyKey> recover_party_key(const Ledger& ledger, const crypto::ExchangeSecret& box_secret,
                                   ByteView box);

// Against the ledger's present roster and head.
Bytes build_admission(const Ledger& ledger, const InviteKeys& invite, const DeviceKeys& device);
// The version follows the identity's last one in the ledger. While joining, `vip` is the server's
// suggestion; later the member's own. invalid_nick.
Result<Bytes> build_statement(const Ledger& ledger, const crypto::SigningKey& identity,
                              std::string_view nick, const IpAddress& vip);
Bytes build_leave(const Ledger& ledger, const crypto::SigningKey& identity);

// What a new roster leaves out: members (a kick) and invites. With a removed member go the invites
// that it joined by or issued, and always those that are used up or expired. Nothing left out: a
// plain change of the party key.
struct RotationOptions {
  std::set<PeerId> remove;
  std::set<InviteId> revoke;
};
struct Rotation {
  PartyKey key;
  Bytes roster;
  std::vector<SealedBox> boxes;   // one a member and one an invite of the roster
  std::vector<PeerId> removed;    // sorted
  std::vector<InviteId> dropped;  // invites that nobody can join by any more, sorted
};
// `signer` is the root key, or the identity of a deputy that is a member. Against the ledger's
// present head: on stale_epoch build it again. not_member or unknown_invite for a name that the
// party doesn't have, wrong_signer for what only the root key may do.
Result<Rotation> build_rotation(Random& random, const Ledger& ledger,
                                const crypto::SigningKey& signer, const RotationOptions& options,
                                UnixTime now);

// Members all; those left out stay as they are, except that deputies who left the party are no
// longer named, and neither is the new host as a deputy.
struct CharterChange {
  std::optional<PeerId> host;
  std::optional<std::set<PeerId>> deputies;
};
Result<Bytes> build_charter(const Ledger& ledger, const crypto::SigningKey& root,
                            const CharterChange& change);

}  // namespace lanrage::party
