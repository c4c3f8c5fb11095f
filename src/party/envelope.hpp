// The envelope around every signed record, and the hash chain that records form
// (docs/protocol/records.md, "Envelope" and "Log").
//
//   u8 version = 1 | u8 type | u32 body length | body | u8 count | count * 64-byte signature
//
// Each signature covers "lanrage/v1/<type name>" || 0 || party id || body.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "party/errc.hpp"

namespace lanrage::party {

class ProvenSignatures;

enum class RecordType : std::uint8_t {
  charter = 1,
  roster = 2,
  invite = 3,
  admission = 4,
  statement = 5,
  leave = 6,
};
std::string_view name_of(RecordType type);  // as in the signature's domain: "charter", ...

// A parsed envelope; `body` points into the bytes given to parse().
struct Envelope {
  RecordType type;
  ByteView body;
  std::vector<crypto::Signature> signatures;

  static Result<Envelope> parse(ByteView record);
  Bytes signed_message(const PartyId& party) const;  // what each signature covers
  // True when signature number `index` is there and is `key`'s. One that is among `proven` isn't
  // checked again.
  bool signed_by(std::size_t index, const crypto::VerifyKey& key, const PartyId& party,
                 const ProvenSignatures* proven = nullptr) const;
};

Bytes sign_envelope(RecordType type, const PartyId& party, ByteView body,
                    std::initializer_list<const crypto::SigningKey*> signers);

crypto::Hash record_hash(ByteView record);
crypto::Hash first_head(const PartyId& party);  // of an empty log
crypto::Hash next_head(const crypto::Hash& head, ByteView record);

}  // namespace lanrage::party
