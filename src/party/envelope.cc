#include "party/envelope.hpp"

#include <string>

#include "party/limits.hpp"
#include "party/proven_signatures.hpp"

namespace lanrage::party {
namespace {

constexpr std::uint8_t kVersion = 1;

Bytes signed_bytes(RecordType type, const PartyId& party, ByteView body) {
  ByteWriter out;
  out.text("lanrage/v1/").text(name_of(type)).u8(0).raw(party.bytes).raw(body);
  return std::move(out).take();
}

}  // namespace

std::string_view name_of(RecordType type) {
  switch (type) {
    case RecordType::charter:
      return "charter";
    case RecordType::roster:
      return "roster";
    case RecordType::invite:
      return "invite";
    case RecordType::admission:
      return "admission";
    case RecordType::statement:
      return "statement";
    case RecordType::leave:
      return "leave";
  }
  return "unknown";
}

Result<Envelope> Envelope::parse(ByteView record) {
  if (record.size() > kMaxRecordSize)
    return fail(Errc::too_large,
                "a record of " + std::to_string(record.size()) + " bytes; at most " +
                    std::to_string(kMaxRecordSize) + " are allowed",
                "record");
  ByteReader in(record);
  const auto version = in.u8();
  const auto type = in.u8();
  if (in.ok() && version != kVersion)
    return fail(Errc::malformed,
                "record version " + std::to_string(version) +
                    " isn't known here; a newer lanrage may be needed",
                "record.version");
  if (in.ok() && (type < 1 || type > static_cast<std::uint8_t>(RecordType::leave)))
    return fail(Errc::malformed, "record type " + std::to_string(type) + " isn't known here",
                "record.type");
  Envelope out{static_cast<RecordType>(type), in.take(in.u32()), {}};
  const auto count = in.u8();
  if (in.ok() && in.remaining() == count * std::size_t{64}) {
    out.signatures.reserve(count);
    for (int i = 0; i < count; ++i)
      out.signatures.push_back(in.array<64>());
  }
  if (!in.at_end() || out.signatures.size() != count)
    return fail(Errc::malformed, "the record's length doesn't fit its contents", "record");
  return out;
}

Bytes Envelope::signed_message(const PartyId& party) const {
  return signed_bytes(type, party, body);
}

bool Envelope::signed_by(std::size_t index, const crypto::VerifyKey& key, const PartyId& party,
                         const ProvenSignatures* proven) const {
  if (index >= signatures.size()) return false;
  const auto message = signed_message(party);
  const auto& signature = signatures[index];
  if (proven != nullptr && proven->contains(key, message, signature)) return true;
  return key.verify(message, signature);
}

Bytes sign_envelope(RecordType type, const PartyId& party, ByteView body,
                    std::initializer_list<const crypto::SigningKey*> signers) {
  const auto message = signed_bytes(type, party, body);
  ByteWriter out;
  out.u8(kVersion).u8(static_cast<std::uint8_t>(type));
  out.u32(static_cast<std::uint32_t>(body.size())).raw(body);
  out.u8(static_cast<std::uint8_t>(signers.size()));
  for (const auto* signer : signers)
    out.raw(signer->sign(message));
  return std::move(out).take();
}

crypto::Hash record_hash(ByteView record) {
  return crypto::sha256(record);
}

crypto::Hash first_head(const PartyId& party) {
  constexpr std::uint8_t kZero[1] = {0};
  return crypto::sha256({as_bytes("lanrage/v1/log"), kZero, party.bytes});
}

crypto::Hash next_head(const crypto::Hash& head, ByteView record) {
  return crypto::sha256({head, record_hash(record)});
}

}  // namespace lanrage::party
