// What a member makes and checks: joining, stating, leaving, restoring.
#pragma once

#include <span>
#include <string_view>

#include "party/invite_secret.hpp"
#include "party/ledger.hpp"
#include "party/new_party.hpp"
#include "party/party_key.hpp"

namespace lanrage::party {

struct Membership {
  Ledger ledger;
  PartyKey key;
};

// What the server answered to `open`: verifies the whole log, opens the invite's box and holds the
// party key against the roster's commitment. Trusts nothing but the invite.
Result<Membership> verify_joining_material(const PartyId& party, const InviteSecret& invite,
                                           std::span<const Bytes> log, ByteView box);
// From disk: log and key must fit each other.
Result<Membership> restore_membership(const PartyId& party, std::span<const Bytes> log,
                                      const PartyKey& key);
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

}  // namespace lanrage::party
