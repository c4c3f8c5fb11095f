// A control server's permission to use its relays: signed there, carried by the client, checked by
// a relay that holds only the public half of the signing key.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"

namespace lanrage {
using RelayId = Id<struct RelayTag>;
}

namespace lanrage::relay {

enum class Errc {
  token_malformed,
  token_forged,  // signed by another key than this relay trusts
  token_expired,
};
constexpr std::string_view name_of(Errc e) {
  switch (e) {
    case Errc::token_malformed:
      return "token_malformed";
    case Errc::token_forged:
      return "token_forged";
    case Errc::token_expired:
      return "token_expired";
  }
  return "unknown";
}

// u8 version 1 | u64 group | mac1 key | bind key | i64 expiry, Unix ms | Ed25519 signature.
inline constexpr std::size_t kTokenSize = 1 + 8 + 32 + 32 + 8 + 64;
// How long a control server makes tokens valid for a new bind, and for how long past its expiry a
// token still renews a bind that exists (an outage of the control server drops nobody).
inline constexpr auto kTokenLifetime = std::chrono::minutes(10);
inline constexpr auto kTokenRenewal = std::chrono::hours(12);

struct Token {
  std::uint64_t group = 0;   // drawn at random for each party; packets never leave a group
  ByteArray<32> mac1_key{};  // wireguard::mac1_key of the client's WireGuard key
  crypto::VerifyKey bind_key;
  UnixTime expires;

  friend bool operator==(const Token&, const Token&) = default;
};

Bytes issue(const Token& token, const crypto::SigningKey& signing_key);
// Form and signature, not the expiry.
Result<Token> verify_signature(ByteView token, const crypto::VerifyKey& signing_key);
Result<Token> verify(ByteView token, const crypto::VerifyKey& signing_key, UnixTime now);

}  // namespace lanrage::relay
