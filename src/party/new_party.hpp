// What a host makes: a party, and further invites.
//
// To keep on disk: root.seed(), key.key() with key.epoch(), the log (charter, roster, statement,
// then whatever the server adds), besides the device's own keys. Everything else follows from
// these (membership.hpp, restore_membership).
#pragma once

#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "party/invite_secret.hpp"
#include "party/ledger.hpp"
#include "party/party_key.hpp"
#include "party/rules.hpp"

namespace lanrage::party {

// The keys of a device in one party: identity and box are the device's, WireGuard's is the
// party's.
struct DeviceKeys {
  crypto::SigningKey identity;
  crypto::ExchangeSecret box;
  crypto::ExchangeSecret wireguard;

  PeerId peer_id() const { return crypto::id_of<PeerId>(identity.public_key().bytes); }
};

struct InviteOptions {
  std::uint16_t uses = kDefaultInviteUses;
  std::chrono::milliseconds lifetime = kDefaultInviteLifetime;
};

struct PartyOptions {
  std::string name;
  Prefix prefix = *Prefix::parse(kDefaultPrefix);
  HostLeaves host_leaves = HostLeaves::party_lives_on;
  bool keep = false;
  InviteOptions invite;
};

struct NewParty {
  PartyId id;
  crypto::SigningKey root;
  PartyKey key;
  Bytes charter, roster, statement;  // the log's first three records, in this order
  std::vector<SealedBox> boxes;      // for the first invite, and for the host itself
  InviteSecret invite;
  IpAddress vip;  // the host's: the lowest of the prefix
};

Result<NewParty> create_party(Random& random, const PartyOptions& options, const DeviceKeys& host,
                              std::string_view nick, UnixTime now);

struct NewInvite {
  InviteSecret secret;
  InviteId id;
  Bytes record;
  SealedBox box;
};

// `signer` is the root key, or the identity of a deputy who is a member; `key` the newest party key
// (else key_mismatch).
Result<NewInvite> build_invite(Random& random, const Ledger& ledger, const PartyKey& key,
                               const crypto::SigningKey& signer, const InviteOptions& options,
                               UnixTime now);

}  // namespace lanrage::party
