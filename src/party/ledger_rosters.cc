// What rosters must fulfil: the first one, and those that change the party key, drop members and
// open or close invites.
#include <algorithm>
#include <string>

#include "party/ledger_context.hpp"
#include "party/rules.hpp"

namespace lanrage::party {

Result<Effect> Ledger::check(const Context& context, const Roster& roster) const {
  const bool first = !roster_;
  if (first && roster.signer != charter_->root_key)
    return fail(Errc::wrong_signer, "a party's first roster is signed by its root key",
                "roster.signer");
  if (!first && !may_govern(roster.signer))
    return fail(Errc::wrong_signer,
                "only the party's root key or a deputy who is a member may sign a roster",
                "roster.signer");
  if (auto ok = context.check_signed(signers(roster)); !ok) return std::unexpected(ok.error());
  Effect effect{Effect::Kind::rostered, issuer(roster.signer), {}, false, {}};
  if (first) {
    if (auto ok = check_first_roster(roster); !ok) return std::unexpected(ok.error());
  } else {
    auto removed = check_later_roster(roster);
    if (!removed) return std::unexpected(removed.error());
    effect.removed = std::move(*removed);
  }
  if (auto ok = check_roster_invites(roster, effect.removed); !ok)
    return std::unexpected(ok.error());
  return effect;
}

Result<void> Ledger::check_first_roster(const Roster& roster) const {
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
  const auto& host = roster.members[0];
  if (auto ok = check_exchange_key(host.wireguard, "wireguard"); !ok) return ok;
  if (auto ok = check_exchange_key(host.box, "box"); !ok) return ok;
  if (host.wireguard == host.box)
    return fail(Errc::key_in_use, "the roster shows one key twice", "box");
  return {};
}

Result<std::vector<PeerId>> Ledger::check_later_roster(const Roster& roster) const {
  for (const auto& [current, field] :
       {std::pair{roster.charter_hash == charter_hash_, "roster.charter_hash"},
        std::pair{roster.previous_roster == roster_hash_, "roster.previous_roster"},
        std::pair{roster.log_head == head(), "roster.log_head"}})
    if (!current)
      return fail(Errc::stale_epoch,
                  "made against an older state of the party; fetch the log and make the roster "
                  "again",
                  field);
  if (roster.key_epoch != roster_->key_epoch + 1)
    return fail(Errc::invalid_roster,
                "the party is in key epoch " + std::to_string(roster_->key_epoch) +
                    ", so the next roster has that plus one, not " +
                    std::to_string(roster.key_epoch),
                "roster.key_epoch");
  return check_kept_members(roster);
}

// The members that the roster leaves out, sorted; or what is wrong with those that it names.
Result<std::vector<PeerId>> Ledger::check_kept_members(const Roster& roster) const {
  if (roster.members.empty())
    return fail(Errc::invalid_roster, "a roster names at least one member", "roster.members");
  std::set<PeerId> kept;
  for (const auto& entry : roster.members) {
    const auto id = peer_id(entry.identity);
    const auto* known = member(id);
    if (known == nullptr || known->identity != entry.identity)
      return fail(Errc::invalid_roster,
                  "a roster can't add a member, nor bring one back: that takes an invite",
                  "roster.members");
    if (known->wireguard != entry.wireguard || known->box != entry.box || known->vip != entry.vip)
      return fail(Errc::invalid_roster,
                  "a roster must show each member with the keys and the address that the log has",
                  "roster.members");
    if (!kept.insert(id).second)
      return fail(Errc::invalid_roster, "the roster shows one member twice", "roster.members");
  }
  std::vector<PeerId> removed;
  for (const auto& [id, known] : members_) {
    if (kept.contains(id)) continue;
    const bool governs = known.identity == charter_->host || may_govern(known.identity);
    if (governs && roster.signer != charter_->root_key)
      return fail(Errc::wrong_signer,
                  "a deputy can't remove the host or a deputy; only the party's root key can",
                  "roster.members");
    removed.push_back(id);
  }
  return removed;
}

Result<void> Ledger::check_roster_invites(const Roster& roster,
                                          const std::vector<PeerId>& removed) const {
  std::set<InviteId> seen;
  std::set<ExchangeKey> boxes;
  for (const auto& entry : roster_ ? std::vector<RosterMember>{} : roster.members) {
    boxes.insert(entry.wireguard);  // of the founder; later ones are in keys_
    boxes.insert(entry.box);
  }
  for (const auto& terms : roster.invites) {
    const auto id = invite_id(terms.invite_key);
    if (!seen.insert(id).second)
      return fail(Errc::invite_exists, "the roster shows one invite twice", "invite_key");
    if (const auto* known = invite(id)) {
      auto expected = known->terms;
      expected.used = static_cast<std::uint16_t>(known->used());
      if (terms != expected)
        return fail(Errc::invalid_invite,
                    "a roster must show each invite that it keeps as it was made, with the uses "
                    "spent so far",
                    "roster.invites");
      if (std::ranges::any_of(removed, [&](const auto& peer) { return known->tied_to(peer); }))
        return fail(Errc::invalid_roster,
                    "the roster keeps an invite that a removed member joined by or issued",
                    "roster.invites");
      continue;
    }
    if (auto ok = check_invite_terms(terms); !ok) return ok;
    if (terms.used != 0)
      return fail(Errc::invalid_invite, "a new invite has no uses spent", "used");
    if (keys_.contains(terms.invite_box) || !boxes.insert(terms.invite_box).second)
      return fail(Errc::key_in_use, "the invite's box key is in use already", "invite_box");
  }
  return {};
}

void Ledger::carry(const Context& context, Roster&& roster, const Effect& effect) {
  const auto position = length_ + 1;
  if (!roster_) {
    const auto& entry = roster.members[0];
    const auto host = host_id();
    members_[host] = Member{host, entry.identity, entry.wireguard, entry.box, {}, {}, 0, {}};
    past_[host] = Past{0, position};
    keys_.emplace(entry.wireguard, host);
    keys_.emplace(entry.box, host);
    addresses_.bind(host, entry.vip);
  }
  for (const auto& peer : effect.removed) {
    members_.erase(peer);
    past_[peer].last_step = position;
    addresses_.mark_left(peer);
  }
  std::map<InviteId, InviteState> invites;
  for (const auto& terms : roster.invites) {
    const auto id = invite_id(terms.invite_key);
    if (auto kept = invites_.extract(id)) {
      invites.insert(std::move(kept));
    } else {
      invites.emplace(id, InviteState{id, terms, effect.peer, {}});
      keys_.emplace(terms.invite_box, PeerId{});
    }
  }
  for (const auto& [id, left_out] : invites_) {
    auto& terms = dropped_[id] = left_out.terms;
    terms.used = static_cast<std::uint16_t>(left_out.used());
  }
  invites_ = std::move(invites);
  roster_ = std::move(roster);
  roster_hash_ = context.hash;
  roster_at_ = position;
}

}  // namespace lanrage::party
