#include "party/proofs.hpp"

namespace lanrage::party {
namespace {

Bytes identity_statement(const crypto::VerifyKey& identity, const crypto::Hash& server_binding,
                         ByteView nonce) {
  ByteWriter out;
  out.text("lanrage/v1/register").u8(0).raw(server_binding).raw(nonce);
  out.raw(crypto::id_of<PeerId>(identity.bytes).bytes);
  return std::move(out).take();
}

Bytes open_statement(const OpenRequest& request) {
  ByteWriter out;
  out.text("lanrage/v1/open").u8(0).raw(request.party.bytes).raw(request.server_binding);
  out.raw(request.peer.bytes).raw(request.nonce);
  return std::move(out).take();
}

}  // namespace

crypto::Signature prove_identity(const crypto::SigningKey& identity,
                                 const crypto::Hash& server_binding, ByteView nonce) {
  return identity.sign(identity_statement(identity.public_key(), server_binding, nonce));
}

bool identity_proven(const crypto::VerifyKey& identity, const crypto::Hash& server_binding,
                     ByteView nonce, const crypto::Signature& proof) {
  return identity.verify(identity_statement(identity, server_binding, nonce), proof);
}

crypto::Signature prove_invite(const crypto::SigningKey& invite, const OpenRequest& request) {
  return invite.sign(open_statement(request));
}

bool invite_proven(const crypto::VerifyKey& invite, const OpenRequest& request,
                   const crypto::Signature& proof) {
  return invite.verify(open_statement(request), proof);
}

}  // namespace lanrage::party
