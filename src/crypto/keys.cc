#include "crypto/keys.hpp"

#include <memory>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "crypto/check.hpp"

namespace lanrage::crypto {
namespace {

using Pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Pkey private_key(int type, const Secret<32>& secret) {
  Pkey key(EVP_PKEY_new_raw_private_key(type, nullptr, secret.expose().data(), 32), EVP_PKEY_free);
  check(key != nullptr);
  return key;
}

Secret<32> random_secret(Random& random) {
  Secret<32> out;
  random.fill(out.expose_mutable());
  return out;
}

ByteArray<32> public_half(int type, const Secret<32>& secret) {
  ByteArray<32> out;
  std::size_t size = out.size();
  check(EVP_PKEY_get_raw_public_key(private_key(type, secret).get(), out.data(), &size));
  return out;
}

}  // namespace

bool VerifyKey::verify(ByteView message, const Signature& signature) const {
  Pkey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size()),
           EVP_PKEY_free);
  if (key == nullptr) return false;
  DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  check(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()));
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

SigningKey SigningKey::generate(Random& random) {
  return from_seed(random_secret(random));
}

SigningKey SigningKey::from_seed(const Secret<32>& seed) {
  return {seed, VerifyKey{public_half(EVP_PKEY_ED25519, seed)}};
}

Signature SigningKey::sign(ByteView message) const {
  auto key = private_key(EVP_PKEY_ED25519, seed_);
  DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  check(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()));
  Signature out;
  std::size_t size = out.size();
  check(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()));
  return out;
}

ExchangeSecret ExchangeSecret::generate(Random& random) {
  return from_bytes(random_secret(random));
}

ExchangeSecret ExchangeSecret::from_bytes(const Secret<32>& bytes) {
  Secret<32> clamped = bytes;  // RFC 7748 section 5; wireguard-go refuses to clamp for us
  auto& raw = clamped.expose_mutable();
  raw[0] &= 248;
  raw[31] = static_cast<std::uint8_t>((raw[31] & 127) | 64);
  return {clamped, ExchangeKey{public_half(EVP_PKEY_X25519, clamped)}};
}

bool ExchangeSecret::agree(const ExchangeKey& peer, Secret<32>& shared) const {
  auto own = private_key(EVP_PKEY_X25519, secret_);
  Pkey other(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, peer.bytes.data(), 32),
             EVP_PKEY_free);
  check(other != nullptr);
  PkeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr), EVP_PKEY_CTX_free);
  check(EVP_PKEY_derive_init(context.get()));
  if (EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1) return false;
  std::size_t size = 32;
  return EVP_PKEY_derive(context.get(), shared.expose_mutable().data(), &size) == 1;
}

void SystemRandom::fill(MutableByteView out) {
  check(RAND_bytes(out.data(), static_cast<int>(out.size())));
}

}  // namespace lanrage::crypto
