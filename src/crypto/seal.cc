#include "crypto/seal.hpp"

#include <cstring>
#include <memory>
#include <openssl/evp.h>

#include "crypto/check.hpp"
#include "crypto/hash.hpp"

namespace lanrage::crypto {
namespace {

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Cipher new_cipher() {
  Cipher context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  check(context != nullptr);
  return context;
}

Secret<32> box_key(const Secret<32>& shared, const ExchangeKey& ephemeral,
                   const ExchangeKey& recipient) {
  return derive(shared.expose(), "lanrage/v1/box", {ephemeral.bytes, recipient.bytes});
}

}  // namespace

Bytes seal(const Secret<32>& key, const ByteArray<12>& nonce, ByteView associated, ByteView plain) {
  auto context = new_cipher();
  check(EVP_EncryptInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, key.expose().data(),
                           nonce.data()));
  int size = 0;
  check(EVP_EncryptUpdate(context.get(), nullptr, &size, associated.data(),
                          static_cast<int>(associated.size())));
  Bytes out(plain.size() + kTagSize);
  check(EVP_EncryptUpdate(context.get(), out.data(), &size, plain.data(),
                          static_cast<int>(plain.size())));
  int tail = 0;
  check(EVP_EncryptFinal_ex(context.get(), out.data() + size, &tail));
  check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize,
                            out.data() + plain.size()));
  return out;
}

std::optional<Bytes> open(const Secret<32>& key, const ByteArray<12>& nonce, ByteView associated,
                          ByteView sealed) {
  if (sealed.size() < kTagSize) return std::nullopt;
  const std::size_t plain_size = sealed.size() - kTagSize;
  auto context = new_cipher();
  check(EVP_DecryptInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, key.expose().data(),
                           nonce.data()));
  int size = 0;
  check(EVP_DecryptUpdate(context.get(), nullptr, &size, associated.data(),
                          static_cast<int>(associated.size())));
  Bytes out(plain_size);
  check(EVP_DecryptUpdate(context.get(), out.data(), &size, sealed.data(),
                          static_cast<int>(plain_size)));
  ByteArray<kTagSize> tag;
  std::memcpy(tag.data(), sealed.data() + plain_size, kTagSize);
  check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()));
  if (EVP_DecryptFinal_ex(context.get(), out.data() + size, &size) != 1) return std::nullopt;
  return out;
}

std::optional<Bytes> seal_box(Random& random, const ExchangeKey& recipient, ByteView associated,
                              ByteView plain) {
  auto ephemeral = ExchangeSecret::generate(random);
  Secret<32> shared;
  if (!ephemeral.agree(recipient, shared)) return std::nullopt;
  Bytes out(ephemeral.public_key().bytes.begin(), ephemeral.public_key().bytes.end());
  auto body = seal(box_key(shared, ephemeral.public_key(), recipient), {}, associated, plain);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

std::optional<Bytes> open_box(const ExchangeSecret& recipient, ByteView associated, ByteView box) {
  if (box.size() < kBoxOverhead) return std::nullopt;
  ExchangeKey ephemeral;
  std::memcpy(ephemeral.bytes.data(), box.data(), 32);
  Secret<32> shared;
  if (!recipient.agree(ephemeral, shared)) return std::nullopt;
  return open(box_key(shared, ephemeral, recipient.public_key()), {}, associated, box.subspan(32));
}

}  // namespace lanrage::crypto
