// Key pairs: Ed25519 signs, X25519 agrees (WireGuard keys and box keys are both X25519).
#pragma once

#include <compare>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"

namespace lanrage::crypto {

using Signature = ByteArray<64>;

// Ed25519 public key.
struct VerifyKey {
  ByteArray<32> bytes{};
  bool verify(ByteView message, const Signature& signature) const;
  friend auto operator<=>(const VerifyKey&, const VerifyKey&) = default;
};

// Ed25519 secret key (RFC 8032 seed).
class SigningKey {
 public:
  static SigningKey generate(Random& random);
  static SigningKey from_seed(const Secret<32>& seed);
  const VerifyKey& public_key() const { return public_; }
  const Secret<32>& seed() const { return seed_; }
  Signature sign(ByteView message) const;

 private:
  SigningKey(const Secret<32>& seed, const VerifyKey& public_key)
      : seed_(seed), public_(public_key) {}
  Secret<32> seed_;
  VerifyKey public_;
};

// X25519 public key.
struct ExchangeKey {
  ByteArray<32> bytes{};
  friend auto operator<=>(const ExchangeKey&, const ExchangeKey&) = default;
};

// X25519 secret key, clamped as WireGuard expects it.
class ExchangeSecret {
 public:
  static ExchangeSecret generate(Random& random);
  static ExchangeSecret from_bytes(const Secret<32>& bytes);
  const ExchangeKey& public_key() const { return public_; }
  const Secret<32>& bytes() const { return secret_; }
  // False when the peer's key is of low order (the shared secret would be zero).
  bool agree(const ExchangeKey& peer, Secret<32>& shared) const;

 private:
  ExchangeSecret(const Secret<32>& secret, const ExchangeKey& public_key)
      : secret_(secret), public_(public_key) {}
  Secret<32> secret_;
  ExchangeKey public_;
};

// The operating system's randomness.
class SystemRandom final : public Random {
 public:
  void fill(MutableByteView out) override;
};

}  // namespace lanrage::crypto
