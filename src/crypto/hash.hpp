// Hashes, MACs and key derivation over OpenSSL. None of these can fail on valid arguments; a
// failure inside OpenSSL is a bug or an exhausted machine and aborts the process.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/secret.hpp"

namespace lanrage::crypto {

using Hash = ByteArray<32>;

Hash sha256(ByteView data);
Hash sha256(std::initializer_list<ByteView> parts);
ByteArray<20> hmac_sha1(ByteView key, ByteView data);  // STUN's legacy MESSAGE-INTEGRITY only
Hash hmac_sha256(ByteView key, ByteView data);
// BLAKE2s as WireGuard uses it: unkeyed 32-byte hash, and keyed 16-byte MAC (mac1, mac2).
Hash blake2s_256(std::initializer_list<ByteView> parts);
ByteArray<16> blake2s_128_keyed(const ByteArray<32>& key, ByteView data);
ByteArray<16> md5(ByteView data);  // RFC 8489 section 9.2.2 long-term keys in test vectors only

// HKDF-SHA256 (RFC 5869) with an empty salt; info = label || 0 || the parts in order.
Secret<32> derive(ByteView key, std::string_view label, std::initializer_list<ByteView> parts);

bool equal_in_constant_time(ByteView a, ByteView b);

// The id of a public key: first 16 bytes of its SHA-256.
template <class IdType>
IdType id_of(ByteView public_key) {
  IdType id;
  auto hash = sha256(public_key);
  std::memcpy(id.bytes.data(), hash.data(), id.bytes.size());
  return id;
}

}  // namespace lanrage::crypto
