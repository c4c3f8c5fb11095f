#include "crypto/hash.hpp"

#include <memory>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "crypto/check.hpp"

namespace lanrage::crypto {
namespace {

template <std::size_t N>
ByteArray<N> digest(const EVP_MD* algorithm, std::initializer_list<ByteView> parts) {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free);
  check(EVP_DigestInit_ex(context.get(), algorithm, nullptr));
  for (ByteView part : parts)
    check(EVP_DigestUpdate(context.get(), part.data(), part.size()));
  ByteArray<N> out;
  unsigned size = N;
  check(EVP_DigestFinal_ex(context.get(), out.data(), &size));
  return out;
}

template <std::size_t N>
ByteArray<N> hmac(const EVP_MD* algorithm, ByteView key, ByteView data) {
  ByteArray<N> out;
  unsigned size = N;
  check(HMAC(algorithm, key.data(), static_cast<int>(key.size()), data.data(), data.size(),
             out.data(), &size) != nullptr);
  return out;
}

}  // namespace

Hash sha256(std::initializer_list<ByteView> parts) {
  return digest<32>(EVP_sha256(), parts);
}
Hash sha256(ByteView data) {
  return sha256({data});
}
Hash blake2s_256(std::initializer_list<ByteView> parts) {
  return digest<32>(EVP_blake2s256(), parts);
}
ByteArray<16> md5(ByteView data) {
  return digest<16>(EVP_md5(), {data});
}
ByteArray<20> hmac_sha1(ByteView key, ByteView data) {
  return hmac<20>(EVP_sha1(), key, data);
}
Hash hmac_sha256(ByteView key, ByteView data) {
  return hmac<32>(EVP_sha256(), key, data);
}

ByteArray<16> blake2s_128_keyed(const ByteArray<32>& key, ByteView data) {
  // Fetching the algorithm costs a lock and a search; the relay asks once a handshake packet.
  static EVP_MAC* const kAlgorithm = EVP_MAC_fetch(nullptr, "BLAKE2SMAC", nullptr);
  check(kAlgorithm != nullptr);
  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_new(kAlgorithm),
                                                                    EVP_MAC_CTX_free);
  std::size_t size = 16;
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                             OSSL_PARAM_construct_end()};
  check(EVP_MAC_init(context.get(), key.data(), key.size(), parameters));
  check(EVP_MAC_update(context.get(), data.data(), data.size()));
  ByteArray<16> out;
  check(EVP_MAC_final(context.get(), out.data(), &size, out.size()));
  return out;
}

Secret<32> derive(ByteView key, std::string_view label, std::initializer_list<ByteView> parts) {
  Bytes info(label.begin(), label.end());
  info.push_back(0);
  for (ByteView part : parts)
    info.insert(info.end(), part.begin(), part.end());

  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr), EVP_PKEY_CTX_free);
  check(EVP_PKEY_derive_init(context.get()));
  check(EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()));
  check(EVP_PKEY_CTX_set1_hkdf_key(context.get(), key.data(), static_cast<int>(key.size())));
  check(EVP_PKEY_CTX_add1_hkdf_info(context.get(), info.data(), static_cast<int>(info.size())));
  Secret<32> out;
  std::size_t size = 32;
  check(EVP_PKEY_derive(context.get(), out.expose_mutable().data(), &size));
  return out;
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace lanrage::crypto
