// The two proofs of possession that clients give a server, bound to that server (`server_binding`:
// SHA-256 of its public key info), so that a server can't use them elsewhere.
#pragma once

#include "base/ids.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"

namespace lanrage::party {

// "I hold this identity": over "lanrage/v1/register" || 0 || server binding || nonce || peer id.
crypto::Signature prove_identity(const crypto::SigningKey& identity,
                                 const crypto::Hash& server_binding, ByteView nonce);
bool identity_proven(const crypto::VerifyKey& identity, const crypto::Hash& server_binding,
                     ByteView nonce, const crypto::Signature& proof);

// "I hold this invite": over "lanrage/v1/open" || 0 || party id || server binding || peer id ||
// nonce. The peer id ties it to the caller's token.
struct OpenRequest {
  PartyId party;
  crypto::Hash server_binding{};
  PeerId peer;
  Bytes nonce;
};
crypto::Signature prove_invite(const crypto::SigningKey& invite, const OpenRequest& request);
bool invite_proven(const crypto::VerifyKey& invite, const OpenRequest& request,
                   const crypto::Signature& proof);

}  // namespace lanrage::party
