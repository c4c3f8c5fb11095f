// The verifier of a party's log: servers and agents run the same one. It takes records in log
// order, refuses what the rules of docs/protocol/records.md forbid (and then stays as it was), and
// knows who is a member. It keeps no record bytes; whoever feeds it keeps the log.
//
// "Would this be accepted?" is judge(): a copy takes time with everybody who was ever a member.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "party/address_pool.hpp"
#include "party/limits.hpp"
#include "party/proven_signatures.hpp"
#include "party/records.hpp"

namespace lanrage::party {

struct Member {
  PeerId id;
  VerifyKey identity;
  ExchangeKey wireguard;
  ExchangeKey box;
  IpAddress vip;                        // 0.0.0.0 until its first statement
  std::string nick;                     // empty until its first statement
  std::uint64_t statement_version = 0;  // 0 until its first statement
  std::vector<Endpoint> candidates;
  friend bool operator==(const Member&, const Member&) = default;
};

struct InviteState {
  InviteId id;
  InviteTerms terms;
  PeerId issuer;              // of one that the root key signed: the host of that time
  std::set<PeerId> admitted;  // kept over rotations; a peer that comes back counts once

  std::size_t used() const { return admitted.size(); }
  // A kick of this peer drops the invite: it came in by it, or knows its secret.
  bool tied_to(const PeerId& peer) const { return issuer == peer || admitted.contains(peer); }
  friend bool operator==(const InviteState&, const InviteState&) = default;
  bool used_up() const { return used() >= terms.uses; }
  bool expired(UnixTime now) const { return now > terms.not_after + kInviteTolerance; }
  bool open(UnixTime now) const { return !used_up() && !expired(now); }
};

// What an appended record did.
struct Effect {
  enum class Kind { chartered, rostered, invite_added, admitted, stated, left };
  Kind kind;
  PeerId peer;                  // whom; chartered: the host it names; rostered: the issuer
  InviteId invite;              // invite_added, admitted: which
  bool closes = false;          // left: the party ends with it
  std::vector<PeerId> removed;  // rostered: members that it dropped, sorted
};

class Ledger {
 public:
  explicit Ledger(const PartyId& party) : party_(party), heads_{first_head(party)} {}
  // A whole log at once, as an agent loads or receives it; the error says which record failed.
  static Result<Ledger> replay(const PartyId& party, std::span<const Bytes> log,
                               const LogProver& prover = {});

  // `now` is the server's clock and dates invites. Agents pass none, ever: clocks must not make
  // honest peers disagree about who is a member. `proven`: signatures that were checked before.
  Result<Effect> append(ByteView record, std::optional<UnixTime> now = std::nullopt,
                        const ProvenSignatures* proven = nullptr);
  // Without checking signatures: only for records that passed append() or judge() before and come
  // from our own store. The other rules hold.
  Result<Effect> append_trusted(ByteView record);
  // What append() would answer; nothing changes.
  Result<Effect> judge(ByteView record, std::optional<UnixTime> now = std::nullopt,
                       const ProvenSignatures* proven = nullptr) const;
  // Likewise of an admission and of the statement that follows it.
  Result<Effect> judge_join(ByteView admission, ByteView statement,
                            std::optional<UnixTime> now = std::nullopt,
                            const ProvenSignatures* proven = nullptr) const;

  const PartyId& party_id() const { return party_; }
  bool founded() const { return roster_.has_value(); }  // charter and roster are there
  // The host left a party that closes with it, or the last member left. Nothing follows.
  bool closed() const { return closed_; }
  // Only once founded.
  const Charter& charter() const { return *charter_; }
  const Hash& charter_hash() const { return charter_hash_; }
  const Roster& roster() const { return *roster_; }
  const Hash& roster_hash() const { return roster_hash_; }
  std::uint32_t key_epoch() const { return roster_->key_epoch; }
  PeerId host_id() const;  // as the charter says: it may have left
  // May this key sign invites and rosters? The root key; a deputy's only while it is a member.
  bool may_govern(const VerifyKey& signer) const;

  std::uint64_t length() const { return length_; }  // records so far
  const Hash& head() const { return heads_.back(); }
  // After so many records; nothing for more than there are, or further back than kHeadWindow.
  std::optional<Hash> head_at(std::uint64_t length) const;

  const std::map<PeerId, Member>& members() const { return members_; }  // current ones
  const Member* member(const PeerId& peer) const;                       // null: not a member
  std::uint64_t admitted_at(const PeerId& member) const;                // the log's length then
  const std::map<InviteId, InviteState>& invites() const { return invites_; }
  const InviteState* invite(const InviteId& invite) const;  // null: unknown
  // One that a roster left out, with the uses spent until then: nobody joins by it any more.
  const InviteTerms* dropped_invite(const InviteId& invite) const;

  // For whoever is about to state something.
  Result<IpAddress> suggest_vip(const PeerId& peer) const { return addresses_.suggest(peer); }
  std::uint64_t next_statement_version(const PeerId& peer) const;

 private:
  struct Reading {
    std::optional<UnixTime> now;
    bool trusted = false;           // signatures aren't checked
    std::optional<PeerId> joining;  // whose admission stands right before the record
    const ProvenSignatures* proven = nullptr;
  };
  struct Context;  // one record: envelope, hash, how it is read

  Result<void> check_place(RecordType type, const Reading& reading) const;
  // Calls `then` with context, body and effect of a record that the rules allow.
  template <class Then>
  Result<Effect> with_body(ByteView record, const Reading& reading, Then&& then) const;
  Result<Effect> judge_with(ByteView record, const Reading& reading) const;
  Result<Effect> append_with(ByteView record, const Reading& reading);
  // Each check() says what the record would do, or why not; carry() then does it.
  Result<Effect> check(const Context& context, const Charter& charter) const;
  Result<Effect> check(const Context& context, const Roster& roster) const;
  Result<Effect> check(const Context& context, const Invite& invite) const;
  Result<Effect> check(const Context& context, const Admission& admission) const;
  Result<Effect> check(const Context& context, const Statement& statement) const;
  Result<Effect> check(const Context& context, const Leave& leave) const;
  void carry(const Context& context, Charter&& charter, const Effect& effect);
  void carry(const Context& context, Roster&& roster, const Effect& effect);
  void carry(const Context& context, Invite&& invite, const Effect& effect);
  void carry(const Context& context, Admission&& admission, const Effect& effect);
  void carry(const Context& context, Statement&& statement, const Effect& effect);
  void carry(const Context& context, Leave&& leave, const Effect& effect);

  Result<void> check_later_charter(const Charter& charter) const;
  Result<void> check_first_roster(const Roster& roster) const;
  Result<std::vector<PeerId>> check_later_roster(const Roster& roster) const;
  Result<std::vector<PeerId>> check_kept_members(const Roster& roster) const;
  Result<void> check_roster_invites(const Roster& roster, const std::vector<PeerId>& removed) const;
  Result<void> check_key_free(const ExchangeKey& key, const PeerId& claimant,
                              std::string_view field) const;
  Result<void> check_seen(const Hash& head, std::uint64_t least) const;
  PeerId issuer(const VerifyKey& signer) const;

  PartyId party_;
  std::optional<Charter> charter_;
  Hash charter_hash_{};
  std::optional<Roster> roster_;
  Hash roster_hash_{};
  std::uint64_t roster_at_ = 0;  // log length after the roster
  bool closed_ = false;
  std::uint64_t length_ = 0;
  std::deque<Hash> heads_;  // the last kHeadWindow; heads_.back() follows record number length_

  // Of everybody who was ever a member, for as long as the party lives.
  struct Past {
    std::uint64_t statement_version = 0;
    std::uint64_t last_step = 0;  // log length after the last admission, leave or kick
  };
  std::map<PeerId, Member> members_;
  std::map<PeerId, Past> past_;
  std::map<InviteId, InviteState> invites_;
  std::map<InviteId, InviteTerms> dropped_;
  std::map<ExchangeKey, PeerId> keys_;  // first owner of each; a zero id for an invite's
  AddressPool addresses_;
};

}  // namespace lanrage::party
