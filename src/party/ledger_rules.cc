// What each record must fulfil. Every take() checks everything before it changes anything.
#include <algorithm>
#include <string>

#include "party/ledger_context.hpp"
#include "party/rules.hpp"

namespace lanrage::party {
namespace {

bool contains(const std::vector<VerifyKey>& keys, const VerifyKey& key) {
  return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

bool Ledger::may_govern(const VerifyKey& signer) const {
  if (signer == charter_->root_key) return true;
  return contains(charter_->deputies, signer) && members_.contains(peer_id(signer));
}

PeerId Ledger::issuer(const VerifyKey& signer) const {
  return signer == charter_->root_key ? host_id() : peer_id(signer);
}

Result<void> Ledger::check_key_free(const ExchangeKey& key, const PeerId& claimant,
                                    std::string_view field) const {
  auto owner = keys_.find(key);
  if (owner == keys_.end() || owner->second == claimant) return {};
  return fail(Errc::key_in_use,
              "the key in " + std::string(field) + " was shown first by somebody else of the party",
              std::string(field));
}

Result<void> Ledger::check_seen(const Hash& head, std::uint64_t least) const {
  auto known = std::ranges::find(heads_, head);
  const auto position = length_ - static_cast<std::uint64_t>(heads_.end() - known) + 1;
  if (known != heads_.end() && position >= least) return {};
  return fail(Errc::stale_head,
              "made against an old or unknown state of the party's log; fetch the log and sign "
              "again",
              "seen_head");
}

Result<Effect> Ledger::check(const Context& context, const Charter& charter) const {
  if (crypto::id_of<PartyId>(charter.root_key.bytes) != party_)
    return fail(Errc::wrong_party, "the charter's root key isn't the party's", "charter.root_key");
  if (auto ok = context.check_signed(signers(charter)); !ok) return std::unexpected(ok.error());
  auto deputies = charter.deputies;
  std::ranges::sort(deputies);
  if (std::ranges::adjacent_find(deputies) != deputies.end() || contains(deputies, charter.host))
    return fail(Errc::invalid_charter, "a deputy is named twice, or is the host",
                "charter.deputies");
  Effect effect{Effect::Kind::chartered, peer_id(charter.host), {}, false, {}};
  if (charter_) {
    if (auto ok = check_later_charter(charter); !ok) return std::unexpected(ok.error());
    return effect;
  }
  if (charter.version != 1)
    return fail(Errc::invalid_charter, "a party's first charter has version 1", "charter.version");
  if (auto ok = check_name(charter.name); !ok) return std::unexpected(ok.error());
  if (auto ok = check_prefix(charter.prefix); !ok) return std::unexpected(ok.error());
  return effect;
}

Result<void> Ledger::check_later_charter(const Charter& charter) const {
  if (charter.version != charter_->version + 1)
    return fail(Errc::invalid_charter,
                "the party's charter has version " + std::to_string(charter_->version) +
                    ", so the next one has that plus one, not " + std::to_string(charter.version),
                "charter.version");
  for (const auto& [same, field] :
       {std::pair{charter.name == charter_->name, "charter.name"},
        std::pair{charter.prefix == charter_->prefix, "charter.prefix"},
        std::pair{charter.host_leaves == charter_->host_leaves, "charter.host_leaves"},
        std::pair{charter.keep == charter_->keep, "charter.keep"}})
    if (!same)
      return fail(Errc::invalid_charter,
                  "a later charter may change the host and the deputies, nothing else", field);
  if (!members_.contains(peer_id(charter.host)))
    return fail(Errc::invalid_charter, "the host must be a member of the party", "charter.host");
  for (const auto& deputy : charter.deputies)
    if (!members_.contains(peer_id(deputy)))
      return fail(Errc::invalid_charter, "every deputy must be a member of the party",
                  "charter.deputies");
  return {};
}

void Ledger::carry(const Context& context, Charter&& charter, const Effect&) {
  if (!charter_) addresses_ = AddressPool(charter.prefix);
  charter_ = std::move(charter);
  charter_hash_ = context.hash;
}

Result<Effect> Ledger::check(const Context& context, const Invite& invite) const {
  if (!may_govern(invite.signer))
    return fail(Errc::wrong_signer,
                "only the party's root key or a deputy who is a member may sign an invite",
                "invite.signer");
  if (auto ok = context.check_signed(signers(invite)); !ok) return std::unexpected(ok.error());
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

  return Effect{Effect::Kind::invite_added, {}, id, false, {}};
}

void Ledger::carry(const Context&, Invite&& invite, const Effect& effect) {
  keys_.emplace(invite.terms.invite_box, PeerId{});
  invites_.emplace(effect.invite,
                   InviteState{effect.invite, invite.terms, issuer(invite.signer), {}});
}

Result<Effect> Ledger::check(const Context& context, const Admission& admission) const {
  if (auto ok = context.check_signed(signers(admission)); !ok) return std::unexpected(ok.error());
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
  if (context.reading.now && state.expired(*context.reading.now))
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
  const auto past = past_.find(peer);
  const auto least =
      past == past_.end() ? roster_at_ : std::max(roster_at_, past->second.last_step);
  if (auto ok = check_seen(admission.seen_head, least); !ok) return std::unexpected(ok.error());
  if (admission.wireguard == admission.box)
    return fail(Errc::key_in_use, "the WireGuard key and the box key must differ", "box");
  for (const auto& [key, field] :
       {std::pair{admission.wireguard, "wireguard"}, std::pair{admission.box, "box"}}) {
    if (auto ok = check_exchange_key(key, field); !ok) return std::unexpected(ok.error());
    if (auto ok = check_key_free(key, peer, field); !ok) return std::unexpected(ok.error());
  }

  return Effect{Effect::Kind::admitted, peer, invite->first, false, {}};
}

void Ledger::carry(const Context&, Admission&& admission, const Effect& effect) {
  const auto& peer = effect.peer;
  members_[peer] =
      Member{peer, admission.identity, admission.wireguard, admission.box, {}, {}, 0, {}};
  past_[peer].last_step = length_ + 1;
  keys_.emplace(admission.wireguard, peer);
  keys_.emplace(admission.box, peer);
  invites_.at(effect.invite).admitted.insert(peer);
  addresses_.mark_present(peer);
}

Result<Effect> Ledger::check(const Context& context, const Statement& statement) const {
  if (auto ok = context.check_signed(signers(statement)); !ok) return std::unexpected(ok.error());
  const auto peer = peer_id(statement.identity);
  if (!members_.contains(peer) && peer != context.reading.joining)
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

  return Effect{Effect::Kind::stated, peer, {}, false, {}};
}

void Ledger::carry(const Context&, Statement&& statement, const Effect& effect) {
  auto& member = members_.at(effect.peer);
  addresses_.bind(effect.peer, statement.vip);
  past_[effect.peer].statement_version = statement.version;
  member.vip = statement.vip;
  member.nick = std::move(statement.nick);
  member.statement_version = statement.version;
  member.candidates = std::move(statement.candidates);
}

Result<Effect> Ledger::check(const Context& context, const Leave& leave) const {
  if (auto ok = context.check_signed(signers(leave)); !ok) return std::unexpected(ok.error());
  const auto peer = peer_id(leave.identity);
  if (!members_.contains(peer))
    return fail(Errc::not_member, "only a member of the party can leave it", "leave.identity");
  // Not the roster: a leave that was on its way when the party's key changed still counts.
  if (auto ok = check_seen(leave.seen_head, past_.at(peer).last_step); !ok)
    return std::unexpected(ok.error());
  const bool with_host = charter_->host_leaves == HostLeaves::closes_party && peer == host_id();
  return Effect{Effect::Kind::left, peer, {}, with_host || members_.size() == 1, {}};
}

void Ledger::carry(const Context&, Leave&&, const Effect& effect) {
  members_.erase(effect.peer);
  past_[effect.peer].last_step = length_ + 1;
  addresses_.mark_left(effect.peer);
  closed_ = effect.closes;
}

}  // namespace lanrage::party
