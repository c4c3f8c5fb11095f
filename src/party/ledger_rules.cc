// What each record must fulfil. Every take() checks everything before it changes anything.
#include <algorithm>
#include <string>

#include "party/ledger_context.hpp"
#include "party/rules.hpp"

namespace lanrage::party {
namespace {

PeerId peer_id(const VerifyKey& identity) {
  return crypto::id_of<PeerId>(identity.bytes);
}

InviteId invite_id(const VerifyKey& invite_key) {
  return crypto::id_of<InviteId>(invite_key.bytes);
}

bool contains(const std::vector<VerifyKey>& keys, const VerifyKey& key) {
  return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

bool Ledger::may_govern(const VerifyKey& signer) const {
  return signer == charter_->root_key || contains(charter_->deputies, signer);
}

Result<void> Ledger::check_key_free(const ExchangeKey& key, const PeerId& claimant,
                                    std::string_view field) const {
  auto owner = keys_.find(key);
  if (owner == keys_.end() || owner->second == claimant) return {};
  return fail(Errc::key_in_use,
              "the key in " + std::string(field) + " was shown first by somebody else of the party",
              std::string(field));
}

Result<void> Ledger::check_seen(const Hash& head, const PeerId& peer) const {
  auto known = std::ranges::find(heads_, head);
  auto past = past_.find(peer);
  const auto least = past == past_.end() ? roster_at_ : past->second.last_step;
  const auto position = length_ - static_cast<std::uint64_t>(heads_.end() - known) + 1;
  if (known != heads_.end() && position >= least) return {};
  return fail(Errc::stale_head,
              "made against an old or unknown state of the party's log; fetch the log and sign "
              "again",
              "seen_head");
}

Result<Effect> Ledger::take(const Context& context, const Charter& charter) {
  if (charter_)
    return fail(Errc::not_supported, "changing a party's charter isn't supported yet", "charter");
  if (crypto::id_of<PartyId>(charter.root_key.bytes) != party_)
    return fail(Errc::wrong_party, "the charter's root key isn't the party's", "charter.root_key");
  if (auto ok = context.check_signed({&charter.root_key}); !ok) return std::unexpected(ok.error());
  if (charter.version != 1)
    return fail(Errc::invalid_charter, "a party's first charter has version 1", "charter.version");
  if (auto ok = check_name(charter.name); !ok) return std::unexpected(ok.error());
  if (auto ok = check_prefix(charter.prefix); !ok) return std::unexpected(ok.error());
  auto deputies = charter.deputies;
  std::ranges::sort(deputies);
  if (std::ranges::adjacent_find(deputies) != deputies.end() || contains(deputies, charter.host))
    return fail(Errc::invalid_charter, "a deputy is named twice, or is the host",
                "charter.deputies");

  charter_ = charter;
  charter_hash_ = context.hash;
  addresses_ = AddressPool(charter.prefix);
  return Effect{Effect::Kind::founded, host_id(), {}};
}

Result<Effect> Ledger::take(const Context& context, const Roster& roster) {
  if (roster_)
    return fail(Errc::not_supported, "a second roster (key rotation, kick) isn't supported yet",
                "roster");
  if (roster.signer != charter_->root_key)
    return fail(Errc::wrong_signer, "a party's first roster is signed by its root key",
                "roster.signer");
  if (auto ok = context.check_signed({&roster.signer}); !ok) return std::unexpected(ok.error());
  if (roster.charter_hash != charter_hash_)
    return fail(Errc::invalid_roster, "the roster belongs to another charter",
                "roster.charter_hash");
  if (roster.key_epoch != 1 || roster.previous_roster != Hash{} || roster.log_head != head())
    return fail(Errc::invalid_roster,
                "the first roster has key epoch 1, no predecessor, and follows the charter",
                "roster");
  if (roster.members.size() != 1 || roster.members[0].identity != charter_->host ||
      roster.members[0].vip != addresses_.lowest())
    return fail(Errc::invalid_roster,
                "the first roster has one member: the charter's host, with the lowest address of "
                "the prefix",
                "roster.members");

  const auto& entry = roster.members[0];
  const auto host = host_id();
  std::map<ExchangeKey, PeerId> keys;
  auto claim = [&](const ExchangeKey& key, const PeerId& owner,
                   std::string_view field) -> Result<void> {
    if (auto ok = check_exchange_key(key, field); !ok) return ok;
    if (!keys.emplace(key, owner).second)
      return fail(Errc::key_in_use, "the roster shows one key twice", std::string(field));
    return {};
  };
  if (auto ok = claim(entry.wireguard, host, "wireguard"); !ok) return std::unexpected(ok.error());
  if (auto ok = claim(entry.box, host, "box"); !ok) return std::unexpected(ok.error());
  std::map<InviteId, InviteState> invites;
  for (const auto& terms : roster.invites) {
    const auto id = invite_id(terms.invite_key);
    if (auto ok = check_invite_terms(terms); !ok) return std::unexpected(ok.error());
    if (terms.used != 0)
      return fail(Errc::invalid_invite, "an invite of the first roster has no uses spent", "used");
    if (auto ok = claim(terms.invite_box, PeerId{}, "invite_box"); !ok)
      return std::unexpected(ok.error());
    if (!invites.emplace(id, InviteState{id, terms, {}}).second)
      return fail(Errc::invite_exists, "the roster shows one invite twice", "invite_key");
  }

  roster_ = roster;
  roster_hash_ = context.hash;
  roster_at_ = length_ + 1;
  members_[host] = Member{host, entry.identity, entry.wireguard, entry.box, {}, {}, 0, {}};
  past_[host] = Past{0, roster_at_};
  keys_ = std::move(keys);
  invites_ = std::move(invites);
  addresses_.bind(host, entry.vip);
  return Effect{Effect::Kind::rostered, host, {}};
}

Result<Effect> Ledger::take(const Context& context, const Invite& invite) {
  if (!may_govern(invite.signer))
    return fail(Errc::wrong_signer, "only the party's root key or a deputy may sign an invite",
                "invite.signer");
  if (auto ok = context.check_signed({&invite.signer}); !ok) return std::unexpected(ok.error());
  if (invite.roster_hash != roster_hash_)
    return fail(Errc::stale_epoch, "the invite was made against another roster; make a new one",
                "invite.roster_hash");
  const auto& terms = invite.terms;
  const auto id = invite_id(terms.invite_key);
  if (invites_.contains(id))
    return fail(Errc::invite_exists, "an invite with this key is in the log already", "invite_key");
  if (invites_.size() >= kMaxInvitesPerRoster)
    return fail(Errc::too_many_invites,
                "the party has seen " + std::to_string(kMaxInvitesPerRoster) +
                    " invites since its last key rotation, the most that are allowed",
                "invite");
  if (auto ok = check_invite_terms(terms); !ok) return std::unexpected(ok.error());
  if (terms.used != 0) return fail(Errc::invalid_invite, "a new invite has no uses spent", "used");
  if (keys_.contains(terms.invite_box))
    return fail(Errc::key_in_use, "the invite's box key is in use already", "invite_box");

  invites_.emplace(id, InviteState{id, terms, {}});
  keys_.emplace(terms.invite_box, PeerId{});
  return Effect{Effect::Kind::invite_added, {}, id};
}

Result<Effect> Ledger::take(const Context& context, const Admission& admission) {
  if (auto ok = context.check_signed({&admission.invite_key, &admission.identity}); !ok)
    return std::unexpected(ok.error());
  if (admission.roster_hash != roster_hash_ || admission.key_epoch != roster_->key_epoch)
    return fail(Errc::stale_epoch,
                "made against another roster than the party's present one; open the invite again",
                "admission.roster_hash");
  const auto peer = peer_id(admission.identity);
  auto invite = invites_.find(invite_id(admission.invite_key));
  if (invite == invites_.end())
    return fail(Errc::unknown_invite, "the party has no such invite; ask the host for one",
                "admission.invite_key");
  if (members_.contains(peer))
    return fail(Errc::already_member, "this identity is a member already", "admission.identity");
  const auto& state = invite->second;
  if (context.now && state.expired(*context.now))
    return fail(Errc::invite_expired, "the invite has expired; ask the host for a new one",
                "admission.invite_key");
  if (state.used_up() && !state.admitted.contains(peer))
    return fail(Errc::invite_used_up,
                "all " + std::to_string(state.terms.uses) +
                    " uses of the invite are spent; ask the host for a new one",
                "admission.invite_key");
  if (members_.size() >= kMaxMembers)
    return fail(Errc::party_full,
                "the party has " + std::to_string(kMaxMembers) + " members, the most it can have");
  if (auto ok = check_seen(admission.seen_head, peer); !ok) return std::unexpected(ok.error());
  if (admission.wireguard == admission.box)
    return fail(Errc::key_in_use, "the WireGuard key and the box key must differ", "box");
  for (const auto& [key, field] :
       {std::pair{admission.wireguard, "wireguard"}, std::pair{admission.box, "box"}}) {
    if (auto ok = check_exchange_key(key, field); !ok) return std::unexpected(ok.error());
    if (auto ok = check_key_free(key, peer, field); !ok) return std::unexpected(ok.error());
  }

  members_[peer] =
      Member{peer, admission.identity, admission.wireguard, admission.box, {}, {}, 0, {}};
  past_[peer].last_step = length_ + 1;
  keys_.emplace(admission.wireguard, peer);
  keys_.emplace(admission.box, peer);
  invite->second.admitted.insert(peer);
  addresses_.mark_present(peer);
  return Effect{Effect::Kind::admitted, peer, invite->first};
}

Result<Effect> Ledger::take(const Context& context, const Statement& statement) {
  if (auto ok = context.check_signed({&statement.identity}); !ok)
    return std::unexpected(ok.error());
  const auto peer = peer_id(statement.identity);
  auto member = members_.find(peer);
  if (member == members_.end())
    return fail(Errc::not_member, "only a member of the party may state something",
                "statement.identity");
  const auto least = next_statement_version(peer);
  if (statement.version < least)
    return fail(Errc::stale_statement,
                "the statement has version " + std::to_string(statement.version) +
                    "; the party knows a newer one, so the next is " + std::to_string(least),
                "statement.version");
  if (auto ok = check_nick(statement.nick); !ok) return std::unexpected(ok.error());
  if (auto ok = addresses_.check(peer, statement.vip); !ok) return std::unexpected(ok.error());
  for (const auto& candidate : statement.candidates)
    if (auto ok = check_candidate(candidate); !ok) return std::unexpected(ok.error());

  addresses_.bind(peer, statement.vip);
  past_[peer].statement_version = statement.version;
  member->second.vip = statement.vip;
  member->second.nick = statement.nick;
  member->second.statement_version = statement.version;
  member->second.candidates = statement.candidates;
  return Effect{Effect::Kind::stated, peer, {}};
}

Result<Effect> Ledger::take(const Context& context, const Leave& leave) {
  if (auto ok = context.check_signed({&leave.identity}); !ok) return std::unexpected(ok.error());
  const auto peer = peer_id(leave.identity);
  if (!members_.contains(peer))
    return fail(Errc::not_member, "only a member of the party can leave it", "leave.identity");
  if (auto ok = check_seen(leave.seen_head, peer); !ok) return std::unexpected(ok.error());

  members_.erase(peer);
  past_[peer].last_step = length_ + 1;
  addresses_.mark_left(peer);
  const bool closes = charter_->host_leaves == HostLeaves::closes_party && peer == host_id();
  closed_ = closes || members_.empty();
  return Effect{Effect::Kind::left, peer, {}};
}

}  // namespace lanrage::party
