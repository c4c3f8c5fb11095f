// The bodies of the six records, as values. decode() accepts exactly what encode() writes, so a
// body has one spelling; it checks layout only. Who may sign what, and whether a record fits the
// log, is the Ledger's to say (ledger.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "party/envelope.hpp"

namespace lanrage::party {

using crypto::ExchangeKey;
using crypto::Hash;
using crypto::VerifyKey;

enum class HostLeaves : std::uint8_t { party_lives_on = 0, closes_party = 1 };

inline PeerId peer_id(const VerifyKey& identity) {
  return crypto::id_of<PeerId>(identity.bytes);
}
inline InviteId invite_id(const VerifyKey& invite_key) {
  return crypto::id_of<InviteId>(invite_key.bytes);
}

// Signed by the root key, whose hash is the party's id.
struct Charter {
  static constexpr RecordType kType = RecordType::charter;
  std::uint32_t version = 1;
  VerifyKey root_key;
  std::string name;
  Prefix prefix;
  VerifyKey host;  // identity
  HostLeaves host_leaves = HostLeaves::party_lives_on;
  bool keep = false;                // doesn't expire for want of use
  std::vector<VerifyKey> deputies;  // identities
  friend bool operator==(const Charter&, const Charter&) = default;
};

struct RosterMember {
  VerifyKey identity;
  ExchangeKey wireguard;
  ExchangeKey box;
  IpAddress vip;  // IPv4
  friend bool operator==(const RosterMember&, const RosterMember&) = default;
};

struct InviteTerms {
  VerifyKey invite_key;
  ExchangeKey invite_box;
  std::uint16_t uses = 0;  // distinct identities in all
  std::uint16_t used = 0;  // of these, admitted before this roster
  UnixTime not_after{};    // checked at admission, with kInviteTolerance
  friend bool operator==(const InviteTerms&, const InviteTerms&) = default;
};

// Signed by `signer`: root, or a deputy of the charter.
struct Roster {
  static constexpr RecordType kType = RecordType::roster;
  VerifyKey signer;
  Hash charter_hash{};
  std::uint32_t key_epoch = 0;
  Hash previous_roster{};  // record hash; zero in the first
  Hash log_head{};         // the head just before this roster
  std::vector<RosterMember> members;
  std::vector<InviteTerms> invites;
  Hash key_commitment{};  // PartyKey::commitment
  friend bool operator==(const Roster&, const Roster&) = default;
};

// An invite made after the roster. Signed by `signer`: root or a deputy.
struct Invite {
  static constexpr RecordType kType = RecordType::invite;
  VerifyKey signer;
  Hash roster_hash{};
  InviteTerms terms;
  friend bool operator==(const Invite&, const Invite&) = default;
};

// Two signatures: the invite key's, then the joining identity's. `seen_head` makes an admission
// single-use: it must not be older than the identity's last leave, so nobody can bring back a
// member that left by repeating its old admission.
struct Admission {
  static constexpr RecordType kType = RecordType::admission;
  Hash roster_hash{};
  std::uint32_t key_epoch = 0;
  VerifyKey invite_key;
  VerifyKey identity;
  ExchangeKey wireguard;
  ExchangeKey box;
  Hash seen_head{};
  friend bool operator==(const Admission&, const Admission&) = default;
};

// Signed by the identity; the highest version counts.
struct Statement {
  static constexpr RecordType kType = RecordType::statement;
  VerifyKey identity;
  std::uint64_t version = 0;
  std::string nick;
  IpAddress vip;                     // IPv4
  std::vector<Endpoint> candidates;  // at most kMaxCandidates
  friend bool operator==(const Statement&, const Statement&) = default;
};

// Signed by the identity. `seen_head` must not be older than its admission, so an old leave can't
// be repeated against a member that came back.
struct Leave {
  static constexpr RecordType kType = RecordType::leave;
  VerifyKey identity;
  Hash seen_head{};
  friend bool operator==(const Leave&, const Leave&) = default;
};

// The keys that must have signed a record, in this order: pointers into it.
inline std::array<const VerifyKey*, 1> signers(const Charter& charter) {
  return {&charter.root_key};
}
inline std::array<const VerifyKey*, 1> signers(const Roster& roster) {
  return {&roster.signer};
}
inline std::array<const VerifyKey*, 1> signers(const Invite& invite) {
  return {&invite.signer};
}
inline std::array<const VerifyKey*, 2> signers(const Admission& admission) {
  return {&admission.invite_key, &admission.identity};
}
inline std::array<const VerifyKey*, 1> signers(const Statement& statement) {
  return {&statement.identity};
}
inline std::array<const VerifyKey*, 1> signers(const Leave& leave) {
  return {&leave.identity};
}

Bytes encode(const Charter& charter);
Bytes encode(const Roster& roster);
Bytes encode(const Invite& invite);
Bytes encode(const Admission& admission);
Bytes encode(const Statement& statement);
Bytes encode(const Leave& leave);

// decode<Charter>(body), ...; Errc::malformed names the record and the field.
template <class Body>
Result<Body> decode(ByteView body);
template <>
Result<Charter> decode<Charter>(ByteView body);
template <>
Result<Roster> decode<Roster>(ByteView body);
template <>
Result<Invite> decode<Invite>(ByteView body);
template <>
Result<Admission> decode<Admission>(ByteView body);
template <>
Result<Statement> decode<Statement>(ByteView body);
template <>
Result<Leave> decode<Leave>(ByteView body);

// The whole record: envelope, body and a signature by each signer in order.
template <class Body>
Bytes sign_record(const Body& body, const PartyId& party,
                  std::initializer_list<const crypto::SigningKey*> signers) {
  return sign_envelope(Body::kType, party, encode(body), signers);
}

// Parses a record that must be of this type. No signature is checked.
template <class Body>
Result<Body> read_record(ByteView record) {
  auto envelope = Envelope::parse(record);
  if (!envelope) return std::unexpected(envelope.error());
  if (envelope->type != Body::kType)
    return fail(Errc::malformed,
                "expected a record of type " + std::string(name_of(Body::kType)) + ", got " +
                    std::string(name_of(envelope->type)),
                std::string(name_of(Body::kType)));
  return decode<Body>(envelope->body);
}

// The id that a charter gives its party: what a server needs to find the party that a create
// speaks of.
Result<PartyId> party_id_of(ByteView charter_record);

}  // namespace lanrage::party
