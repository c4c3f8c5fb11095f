// Authenticated encryption (ChaCha20-Poly1305) under a shared key, and to somebody's box key.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "crypto/keys.hpp"

namespace lanrage::crypto {

inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kBoxOverhead = 32 + kTagSize;  // ephemeral key and tag

// ciphertext || tag. A (key, nonce) pair must never be used twice.
Bytes seal(const Secret<32>& key, const ByteArray<12>& nonce, ByteView associated, ByteView plain);
std::optional<Bytes> open(const Secret<32>& key, const ByteArray<12>& nonce, ByteView associated,
                          ByteView sealed);

// A box: ephemeral X25519 key || ciphertext || tag. The AEAD key comes by HKDF from the shared
// secret and both public keys, used once, hence the zero nonce. Nothing when the recipient key is
// of low order (a peer's doing, never ours).
std::optional<Bytes> seal_box(Random& random, const ExchangeKey& recipient, ByteView associated,
                              ByteView plain);
std::optional<Bytes> open_box(const ExchangeSecret& recipient, ByteView associated, ByteView box);

}  // namespace lanrage::crypto
