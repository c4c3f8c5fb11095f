#include "party/records.hpp"
#include "party/wire.hpp"

namespace lanrage::party {
namespace {

void write_terms(ByteWriter& out, const InviteTerms& terms) {
  out.raw(terms.invite_key.bytes).raw(terms.invite_box.bytes).u16(terms.uses).u16(terms.used);
  out.u64(static_cast<std::uint64_t>(terms.not_after.time_since_epoch().count()));
}

void write_count(ByteWriter& out, std::size_t count) {
  out.u16(static_cast<std::uint16_t>(count));
}

}  // namespace

Bytes encode(const Charter& charter) {
  ByteWriter out;
  out.u32(charter.version).raw(charter.root_key.bytes).counted16(as_bytes(charter.name));
  out.u32(charter.prefix.address.v4_value()).u8(charter.prefix.length).raw(charter.host.bytes);
  out.u8(static_cast<std::uint8_t>(charter.host_leaves)).u8(charter.keep ? 1 : 0);
  write_count(out, charter.deputies.size());
  for (const auto& deputy : charter.deputies)
    out.raw(deputy.bytes);
  return std::move(out).take();
}

Bytes encode(const Roster& roster) {
  ByteWriter out;
  out.raw(roster.signer.bytes).raw(roster.charter_hash).u32(roster.key_epoch);
  out.raw(roster.previous_roster).raw(roster.log_head);
  write_count(out, roster.members.size());
  for (const auto& member : roster.members) {
    out.raw(member.identity.bytes).raw(member.wireguard.bytes).raw(member.box.bytes);
    out.u32(member.vip.v4_value());
  }
  write_count(out, roster.invites.size());
  for (const auto& terms : roster.invites)
    write_terms(out, terms);
  out.raw(roster.key_commitment);
  return std::move(out).take();
}

Bytes encode(const Invite& invite) {
  ByteWriter out;
  out.raw(invite.signer.bytes).raw(invite.roster_hash);
  write_terms(out, invite.terms);
  return std::move(out).take();
}

Bytes encode(const Admission& admission) {
  ByteWriter out;
  out.raw(admission.roster_hash).u32(admission.key_epoch).raw(admission.invite_key.bytes);
  out.raw(admission.identity.bytes).raw(admission.wireguard.bytes).raw(admission.box.bytes);
  out.raw(admission.seen_head);
  return std::move(out).take();
}

Bytes encode(const Statement& statement) {
  ByteWriter out;
  out.raw(statement.identity.bytes).u64(statement.version).counted16(as_bytes(statement.nick));
  out.u32(statement.vip.v4_value());
  write_count(out, statement.candidates.size());
  for (const auto& candidate : statement.candidates)
    write_endpoint(out, candidate);
  return std::move(out).take();
}

Bytes encode(const Leave& leave) {
  ByteWriter out;
  out.raw(leave.identity.bytes).raw(leave.seen_head);
  return std::move(out).take();
}

}  // namespace lanrage::party
