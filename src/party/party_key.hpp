// The party key K: known to members, never to the server. The roster commits to it, preshared keys
// derive from it, and boxes carry it to members and to holders of an invite.
#pragma once

#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "crypto/seal.hpp"
#include "party/errc.hpp"

namespace lanrage::party {

class PartyKey {
 public:
  PartyKey(const Secret<32>& key, std::uint32_t epoch) : key_(key), epoch_(epoch) {}
  static PartyKey generate(Random& random, std::uint32_t epoch);

  std::uint32_t epoch() const { return epoch_; }
  const Secret<32>& key() const { return key_; }  // to be kept on disk with epoch()

  crypto::Hash commitment(const PartyId& party) const;
  // WireGuard's preshared key of a pair; the order of the two doesn't matter.
  Secret<32> preshared_key(const PartyId& party, const crypto::ExchangeKey& a,
                           const crypto::ExchangeKey& b) const;

  friend bool operator==(const PartyKey&, const PartyKey&) = default;

 private:
  Secret<32> key_;
  std::uint32_t epoch_;
};

// A box as it travels and is stored: opaque to the server.
struct SealedBox {
  crypto::ExchangeKey recipient;
  Bytes box;
  friend bool operator==(const SealedBox&, const SealedBox&) = default;
};

// Plain: K(32) || root key(32) || u32 key_epoch || roster hash(32).
struct BoxContents {
  PartyKey key;
  crypto::VerifyKey root_key;
  crypto::Hash roster_hash;
};
inline constexpr std::size_t kPartyBoxSize = crypto::kBoxOverhead + 32 + 32 + 4 + 32;

// Associated data: roster hash || recipient's box key. Errc::weak_key for a bad recipient.
Result<SealedBox> seal_party_key(Random& random, const BoxContents& contents,
                                 const crypto::ExchangeKey& recipient);
// Errc::box_unreadable when the box isn't for this recipient and this roster.
Result<BoxContents> open_party_key(const crypto::ExchangeSecret& recipient,
                                   const crypto::Hash& roster_hash, ByteView box);

}  // namespace lanrage::party
