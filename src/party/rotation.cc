// What host and deputies sign to govern a party: rosters and charters after the first ones.
#include <algorithm>
#include <string>

#include "party/membership.hpp"

namespace lanrage::party {
namespace {

// A box for each member and each invite of the roster.
Result<std::vector<SealedBox>> seal_for_all(Random& random, const BoxContents& contents,
                                            const Roster& roster) {
  std::vector<ExchangeKey> recipients;
  recipients.reserve(roster.members.size() + roster.invites.size());
  for (const auto& member : roster.members)
    recipients.push_back(member.box);
  for (const auto& terms : roster.invites)
    recipients.push_back(terms.invite_box);
  std::vector<SealedBox> out;
  out.reserve(recipients.size());
  for (const auto& recipient : recipients) {
    auto box = seal_party_key(random, contents, recipient);
    if (!box) return std::unexpected(box.error());
    out.push_back(std::move(*box));
  }
  return out;
}

Result<void> check_known(const Ledger& ledger, const RotationOptions& options) {
  for (const auto& peer : options.remove)
    if (ledger.member(peer) == nullptr)
      return fail(Errc::not_member, peer.to_string() + " isn't a member of the party", "remove");
  for (const auto& invite : options.revoke)
    if (ledger.invite(invite) == nullptr)
      return fail(Errc::unknown_invite, "the party has no invite " + invite.to_string(), "revoke");
  return {};
}

bool keeps(const InviteState& invite, const RotationOptions& options, UnixTime now) {
  return invite.open(now) && !options.revoke.contains(invite.id) &&
         std::ranges::none_of(options.remove,
                              [&](const auto& peer) { return invite.tied_to(peer); });
}

}  // namespace

Result<Rotation> build_rotation(Random& random, const Ledger& ledger,
                                const crypto::SigningKey& signer, const RotationOptions& options,
                                UnixTime now) {
  if (auto ok = check_known(ledger, options); !ok) return std::unexpected(ok.error());
  const auto& party = ledger.party_id();
  auto key = PartyKey::generate(random, ledger.key_epoch() + 1);
  Roster roster{signer.public_key(),
                ledger.charter_hash(),
                key.epoch(),
                ledger.roster_hash(),
                ledger.head(),
                {},
                {},
                key.commitment(party)};
  for (const auto& [id, member] : ledger.members())
    if (!options.remove.contains(id))
      roster.members.push_back({member.identity, member.wireguard, member.box, member.vip});
  std::vector<InviteId> dropped;
  for (const auto& [id, invite] : ledger.invites()) {
    if (!keeps(invite, options, now)) {
      dropped.push_back(id);
      continue;
    }
    roster.invites.push_back(invite.terms);
    roster.invites.back().used = static_cast<std::uint16_t>(invite.used());
  }
  auto record = sign_record(roster, party, {&signer});
  auto effect = ledger.judge(record, now);
  if (!effect) return std::unexpected(effect.error());
  auto boxes = seal_for_all(random, {key, ledger.charter().root_key, record_hash(record)}, roster);
  if (!boxes) return std::unexpected(boxes.error());
  return Rotation{std::move(key), std::move(record), std::move(*boxes), std::move(effect->removed),
                  std::move(dropped)};
}

Result<Bytes> build_charter(const Ledger& ledger, const crypto::SigningKey& root,
                            const CharterChange& change) {
  auto charter = ledger.charter();
  ++charter.version;
  if (change.host) {
    const auto* host = ledger.member(*change.host);
    if (host == nullptr)
      return fail(Errc::not_member, change.host->to_string() + " isn't a member of the party",
                  "host");
    charter.host = host->identity;
  }
  if (change.deputies) {
    charter.deputies.clear();
    for (const auto& id : *change.deputies) {
      const auto* deputy = ledger.member(id);
      if (deputy == nullptr)
        return fail(Errc::not_member, id.to_string() + " isn't a member of the party", "deputies");
      charter.deputies.push_back(deputy->identity);
    }
  } else {
    std::erase_if(charter.deputies, [&](const auto& identity) {
      return identity == charter.host || ledger.member(peer_id(identity)) == nullptr;
    });
  }
  auto record = sign_record(charter, ledger.party_id(), {&root});
  if (auto effect = ledger.judge(record); !effect) return std::unexpected(effect.error());
  return record;
}

}  // namespace lanrage::party
