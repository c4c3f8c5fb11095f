#include "party/new_party.hpp"

#include "party/membership.hpp"

namespace lanrage::party {
namespace {

struct InviteDraft {
  InviteSecret secret;
  InviteKeys keys;
  InviteTerms terms;
};

Result<InviteDraft> draft_invite(Random& random, const PartyId& party, const InviteOptions& options,
                                 UnixTime now) {
  if (options.uses == 0)
    return fail(Errc::invalid_invite, "an invite must allow at least one use", "uses");
  if (options.lifetime <= std::chrono::milliseconds(0) || options.lifetime > kMaxInviteLifetime)
    return fail(Errc::invalid_invite, "an invite must last longer than nothing, at most 365 days",
                "lifetime");
  InviteSecret secret;
  random.fill(secret.expose_mutable());
  auto keys = invite_keys(secret, party);
  const InviteTerms terms{keys.signing.public_key(), keys.box.public_key(), options.uses, 0,
                          now + options.lifetime};
  return InviteDraft{secret, std::move(keys), terms};
}

}  // namespace

Result<NewParty> create_party(Random& random, const PartyOptions& options, const DeviceKeys& host,
                              std::string_view nick, UnixTime now) {
  if (auto ok = check_prefix(options.prefix); !ok) return std::unexpected(ok.error());
  const auto root = crypto::SigningKey::generate(random);
  const auto id = crypto::id_of<PartyId>(root.public_key().bytes);
  const auto key = PartyKey::generate(random, 1);
  auto invite = draft_invite(random, id, options.invite, now);
  if (!invite) return std::unexpected(invite.error());

  const Charter charter{1,
                        root.public_key(),
                        options.name,
                        options.prefix,
                        host.identity.public_key(),
                        options.host_leaves,
                        options.keep,
                        {}};
  auto charter_record = sign_record(charter, id, {&root});
  const auto vip = AddressPool(options.prefix).lowest();
  const Roster roster{
      root.public_key(),
      record_hash(charter_record),
      key.epoch(),
      {},
      next_head(first_head(id), charter_record),
      {{host.identity.public_key(), host.wireguard.public_key(), host.box.public_key(), vip}},
      {invite->terms},
      key.commitment(id)};
  auto roster_record = sign_record(roster, id, {&root});

  // Run through the verifier: whatever it would refuse is refused here, with the same words.
  Ledger ledger(id);
  for (const auto* record : {&charter_record, &roster_record})
    if (auto effect = ledger.append(*record, now); !effect) return std::unexpected(effect.error());
  auto statement = build_statement(ledger, host.identity, nick, vip);
  if (!statement) return std::unexpected(statement.error());

  std::vector<SealedBox> boxes;
  for (const auto& recipient : {invite->keys.box.public_key(), host.box.public_key()}) {
    auto box = seal_party_key(random, {key, root.public_key(), ledger.roster_hash()}, recipient);
    if (!box) return std::unexpected(box.error());
    boxes.push_back(std::move(*box));
  }
  return NewParty{id,
                  root,
                  key,
                  std::move(charter_record),
                  std::move(roster_record),
                  std::move(*statement),
                  std::move(boxes),
                  invite->secret,
                  vip};
}

Result<NewInvite> build_invite(Random& random, const Ledger& ledger, const PartyKey& key,
                               const crypto::SigningKey& signer, const InviteOptions& options,
                               UnixTime now) {
  if (key.epoch() != ledger.key_epoch() ||
      key.commitment(ledger.party_id()) != ledger.roster().key_commitment)
    return fail(Errc::key_mismatch,
                "this device doesn't have the party's newest key yet; try again when the control "
                "server is reached",
                "key");
  auto draft = draft_invite(random, ledger.party_id(), options, now);
  if (!draft) return std::unexpected(draft.error());
  const Invite invite{signer.public_key(), ledger.roster_hash(), draft->terms};
  auto record = sign_record(invite, ledger.party_id(), {&signer});
  if (auto effect = ledger.judge(record, now); !effect) return std::unexpected(effect.error());
  auto box = seal_party_key(random, {key, ledger.charter().root_key, ledger.roster_hash()},
                            draft->terms.invite_box);
  if (!box) return std::unexpected(box.error());
  return NewInvite{draft->secret, draft->keys.id(), std::move(record), std::move(*box)};
}

}  // namespace lanrage::party
