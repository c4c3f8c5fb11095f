// The party's root key on its way from one member's device to another's: sealed to the receiver,
// so that nobody in between can read it, and bound to whom it is from and which charter holds.
//
// Not signed: whoever can make a box with the right key in it has that key.
#pragma once

#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "crypto/seal.hpp"
#include "party/errc.hpp"

namespace lanrage::party {

struct RootRoute {
  PartyId party;
  PeerId from;
  PeerId to;
  crypto::Hash charter{};  // record hash of the charter that both go by
};
inline constexpr std::size_t kRootBoxSize = crypto::kBoxOverhead + 32;

// Plain: the root key's seed(32). Associated data: label || party || from || to || charter.
// Errc::weak_key for a bad recipient.
Result<Bytes> seal_root_key(Random& random, const crypto::SigningKey& root, const RootRoute& route,
                            const crypto::ExchangeKey& recipient);
// Errc::box_unreadable when the box isn't for this recipient and route; wrong_party when it holds
// another key than that of `root`.
Result<crypto::SigningKey> open_root_key(const crypto::ExchangeSecret& recipient,
                                         const RootRoute& route, const crypto::VerifyKey& root,
                                         ByteView box);

}  // namespace lanrage::party
