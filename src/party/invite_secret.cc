#include "party/invite_secret.hpp"

#include "crypto/hash.hpp"

namespace lanrage::party {

InviteId InviteKeys::id() const {
  return crypto::id_of<InviteId>(signing.public_key().bytes);
}

InviteKeys invite_keys(const InviteSecret& secret, const PartyId& party) {
  auto derive = [&](std::string_view label) {
    return crypto::derive(secret.expose(), label, {party.bytes});
  };
  return {crypto::SigningKey::from_seed(derive("lanrage/v1/invite-sign")),
          crypto::ExchangeSecret::from_bytes(derive("lanrage/v1/invite-box"))};
}

}  // namespace lanrage::party
