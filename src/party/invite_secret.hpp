// An invite's 16 secret bytes and the two key pairs that follow from them.
#pragma once

#include "base/ids.hpp"
#include "base/secret.hpp"
#include "crypto/keys.hpp"

namespace lanrage::party {

using InviteSecret = Secret<16>;

struct InviteKeys {
  crypto::SigningKey signing;
  crypto::ExchangeSecret box;

  InviteId id() const;
};

InviteKeys invite_keys(const InviteSecret& secret, const PartyId& party);

}  // namespace lanrage::party
