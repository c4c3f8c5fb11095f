#include "party/digest.hpp"

namespace lanrage::party {

crypto::Hash digest(const Ledger& ledger, std::uint64_t seq) {
  constexpr std::uint8_t kVersion = 1;
  ByteWriter out;
  out.text("lanrage/v1/digest").u8(0).u8(kVersion);
  out.raw(ledger.party_id().bytes).u64(seq).raw(ledger.head());
  out.u16(static_cast<std::uint16_t>(ledger.members().size()));
  for (const auto& [id, member] : ledger.members()) {
    out.raw(member.identity.bytes).raw(member.wireguard.bytes).raw(member.box.bytes);
    out.u32(member.vip.v4_value()).counted16(as_bytes(member.nick)).u64(member.statement_version);
  }
  return crypto::sha256(out.bytes());
}

}  // namespace lanrage::party
