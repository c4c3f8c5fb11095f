#include "party/membership.hpp"

#include "party/rules.hpp"

namespace lanrage::party {
namespace {

Result<void> check_commitment(const PartyId& party, const Roster& roster, const PartyKey& key) {
  if (key.epoch() == roster.key_epoch && key.commitment(party) == roster.key_commitment) return {};
  return fail(Errc::key_mismatch, "the party key isn't the one that the party's roster commits to",
              "box");
}

// The log's roster of this epoch, else the newest.
Roster roster_of(const Ledger& ledger, std::span<const Bytes> log, std::uint32_t epoch) {
  if (epoch != ledger.key_epoch())
    for (const auto& record : log)
      if (auto roster = read_record<Roster>(record); roster && roster->key_epoch == epoch)
        return std::move(*roster);
  return ledger.roster();
}

}  // namespace

Result<Ledger> restore_ledger(const PartyId& party, std::span<const Bytes> log,
                              const LogProver& prover) {
  auto ledger = Ledger::replay(party, log, prover);
  if (ledger && !ledger->founded())
    return fail(Errc::out_of_order, "the party's log lacks its charter or its roster", "log");
  return ledger;
}

Result<Membership> verify_joining_material(const PartyId& party, const InviteSecret& invite,
                                           std::span<const Bytes> log, ByteView box,
                                           const LogProver& prover) {
  auto ledger = restore_ledger(party, log, prover);
  if (!ledger) return std::unexpected(ledger.error());
  const auto keys = invite_keys(invite, party);
  const auto* state = ledger->invite(keys.id());
  if (state == nullptr || state->terms.invite_box != keys.box.public_key())
    return fail(Errc::unknown_invite, "the party's log doesn't have this invite", "log");
  auto key = recover_party_key(*ledger, keys.box, box);
  if (!key) return std::unexpected(key.error());
  return Membership{std::move(*ledger), std::move(*key)};
}

Result<Membership> restore_membership(const PartyId& party, std::span<const Bytes> log,
                                      const PartyKey& key, const LogProver& prover) {
  auto ledger = restore_ledger(party, log, prover);
  if (!ledger) return std::unexpected(ledger.error());
  const auto roster = roster_of(*ledger, log, key.epoch());
  if (auto ok = check_commitment(party, roster, key); !ok) return std::unexpected(ok.error());
  return Membership{std::move(*ledger), key};
}

Result<PartyKey> recover_party_key(const Ledger& ledger, const crypto::ExchangeSecret& box_secret,
                                   ByteView box) {
  auto contents = open_party_key(box_secret, ledger.roster_hash(), box);
  if (!contents) return std::unexpected(contents.error());
  if (contents->root_key != ledger.charter().root_key)
    return fail(Errc::wrong_party, "the box names another root key than the party's charter",
                "box");
  if (auto ok = check_commitment(ledger.party_id(), ledger.roster(), contents->key); !ok)
    return std::unexpected(ok.error());
  return contents->key;
}

Bytes build_admission(const Ledger& ledger, const InviteKeys& invite, const DeviceKeys& device) {
  const Admission admission{ledger.roster_hash(),
                            ledger.key_epoch(),
                            invite.signing.public_key(),
                            device.identity.public_key(),
                            device.wireguard.public_key(),
                            device.box.public_key(),
                            ledger.head()};
  return sign_record(admission, ledger.party_id(), {&invite.signing, &device.identity});
}

Result<Bytes> build_statement(const Ledger& ledger, const crypto::SigningKey& identity,
                              std::string_view nick, const IpAddress& vip) {
  if (auto ok = check_nick(nick); !ok) return std::unexpected(ok.error());
  const auto peer = peer_id(identity.public_key());
  const Statement statement{
      identity.public_key(), ledger.next_statement_version(peer), std::string(nick), vip, {}};
  return sign_record(statement, ledger.party_id(), {&identity});
}

Bytes build_leave(const Ledger& ledger, const crypto::SigningKey& identity) {
  return sign_record(Leave{identity.public_key(), ledger.head()}, ledger.party_id(), {&identity});
}

}  // namespace lanrage::party
