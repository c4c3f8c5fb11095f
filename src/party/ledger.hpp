// The verifier of a party's log: servers and agents run the same one. It takes records in log
// order, refuses what the rules of docs/protocol/records.md forbid (and then stays as it was), and
// knows who is a member. It keeps no record bytes; whoever feeds it keeps the log.
//
// To be copied for "would this be accepted?": a copy costs microseconds.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "party/address_pool.hpp"
#include "party/limits.hpp"
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
  std::set<PeerId> admitted;  // since the roster; a peer that comes back counts once

  std::size_t used() const { return terms.used + admitted.size(); }
  bool used_up() const { return used() >= terms.uses; }
  bool expired(UnixTime now) const { return now > terms.not_after + kInviteTolerance; }
};

// What an appended record did.
struct Effect {
  enum class Kind { founded, rostered, invite_added, admitted, stated, left };
  Kind kind;
  PeerId peer;      // admitted, stated, left: whom
  InviteId invite;  // invite_added, admitted: which
};

class Ledger {
 public:
  explicit Ledger(const PartyId& party) : party_(party), heads_{first_head(party)} {}
  // A whole log at once, as an agent loads or receives it; the error says which record failed.
  static Result<Ledger> replay(const PartyId& party, std::span<const Bytes> log);

  // `now` is the server's clock and dates invites. Agents pass none, ever: clocks must not make
  // honest peers disagree about who is a member.
  Result<Effect> append(ByteView record, std::optional<UnixTime> now = std::nullopt);
  // Without checking signatures: only for records that passed append() before and come from our
  // own store. The other rules hold.
  Result<Effect> append_trusted(ByteView record);

  const PartyId& party_id() const { return party_; }
  bool founded() const { return roster_.has_value(); }  // charter and roster are there
  // The host left a party that closes with it, or the last member left. Nothing follows.
  bool closed() const { return closed_; }
  // Only once founded.
  const Charter& charter() const { return *charter_; }
  const Roster& roster() const { return *roster_; }
  const Hash& roster_hash() const { return roster_hash_; }
  std::uint32_t key_epoch() const { return roster_->key_epoch; }
  PeerId host_id() const;

  std::uint64_t length() const { return length_; }  // records so far
  const Hash& head() const { return heads_.back(); }

  const std::map<PeerId, Member>& members() const { return members_; }  // current ones
  const Member* member(const PeerId& peer) const;                       // null: not a member
  const std::map<InviteId, InviteState>& invites() const { return invites_; }
  const InviteState* invite(const InviteId& invite) const;  // null: unknown

  // For whoever is about to state something.
  Result<IpAddress> suggest_vip(const PeerId& peer) const { return addresses_.suggest(peer); }
  std::uint64_t next_statement_version(const PeerId& peer) const;

 private:
  enum class Signatures { check, trust };
  struct Context;  // one append: envelope, hash, clock, whether signatures are checked

  Result<Effect> append_with(ByteView record, std::optional<UnixTime> now, Signatures signatures);
  Result<Effect> take(const Context& context, const Charter& charter);
  Result<Effect> take(const Context& context, const Roster& roster);
  Result<Effect> take(const Context& context, const Invite& invite);
  Result<Effect> take(const Context& context, const Admission& admission);
  Result<Effect> take(const Context& context, const Statement& statement);
  Result<Effect> take(const Context& context, const Leave& leave);

  bool may_govern(const VerifyKey& signer) const;  // root or a deputy
  Result<void> check_key_free(const ExchangeKey& key, const PeerId& claimant,
                              std::string_view field) const;
  Result<void> check_seen(const Hash& head, const PeerId& peer) const;

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
    std::uint64_t last_step = 0;  // log length after the last admission or leave
  };
  std::map<PeerId, Member> members_;
  std::map<PeerId, Past> past_;
  std::map<InviteId, InviteState> invites_;
  std::map<ExchangeKey, PeerId> keys_;  // first owner of each; a zero id for an invite's
  AddressPool addresses_;
};

}  // namespace lanrage::party
