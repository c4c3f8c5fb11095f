#include "crypto/hash.hpp"

#include <gtest/gtest.h>

#include "unit/crypto/hex.hpp"

namespace lanrage::crypto {
namespace {

TEST(Hash, Sha256OfFips180) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(ByteView{})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, PartsAreConcatenated) {
  EXPECT_EQ(sha256({as_bytes("a"), ByteView{}, as_bytes("bc")}), sha256(as_bytes("abc")));
  EXPECT_EQ(blake2s_256({as_bytes("ab"), as_bytes("c")}), blake2s_256({as_bytes("abc")}));
}

TEST(Hash, Blake2sOfRfc7693AppendixB) {
  EXPECT_EQ(to_hex(blake2s_256({as_bytes("abc")})),
            "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

// From the reference implementation (RFC 7693) with digest length 16 and the key 00 01 .. 1f: the
// shape of WireGuard's mac1. 116 bytes is what mac1 covers of an initiation.
TEST(Hash, KeyedBlake2s) {
  ByteArray<32> key;
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(i);
  Bytes data(1000);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::uint8_t>(i % 251);
  const auto mac = [&](ByteView message) { return to_hex(blake2s_128_keyed(key, message)); };
  EXPECT_EQ(mac({}), "9536f9b267655743dee97b8a670f9f53");
  EXPECT_EQ(mac(as_bytes("abc")), "61ba5f165c194692e09d12520cc4c74a");
  EXPECT_EQ(mac(ByteView(data).first(116)), "072e94ffbfc684bd8ab2a1b9dade2fd5");
  EXPECT_EQ(mac(data), "8a0c93d51ede746600ef0dd2b32d6fb3");
}

TEST(Hash, HmacSha256OfRfc4231) {
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(20, 0x0b), as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(131, 0xaa),
                               as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hash, HmacSha1OfRfc2202) {
  EXPECT_EQ(to_hex(hmac_sha1(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(Hash, Md5OfRfc1321) {
  EXPECT_EQ(to_hex(md5(as_bytes("abc"))), "900150983cd24fb0d6963f7d28e17f72");
}

// RFC 5869 section 2 by hand, for one block of output (an empty salt means 32 zeros).
Hash hkdf_by_hand(ByteView key, ByteView info) {
  const auto extracted = hmac_sha256(Bytes(32, 0), key);
  Bytes block(info.begin(), info.end());
  block.push_back(1);
  return hmac_sha256(extracted, block);
}

TEST(Derive, IsHkdfOfRfc5869) {
  // Test case 3 (no salt, no info) vouches for the hand-made one, and that for derive(), whose info
  // is never empty.
  const Bytes key(22, 0x0b);
  ASSERT_EQ(to_hex(hkdf_by_hand(key, {})),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
  Bytes info{'l', 'a', 'b', 'e', 'l', 0, 'o', 'n', 'e', 't', 'w', 'o'};
  EXPECT_EQ(derive(key, "label", {as_bytes("one"), as_bytes("two")}),
            Secret<32>(hkdf_by_hand(key, info)));
}

TEST(Derive, LabelAndPartsBothCount) {
  const Bytes key(32, 1);
  const auto secret = derive(key, "a", {as_bytes("bc")});
  EXPECT_FALSE(secret == derive(key, "ab", {as_bytes("c")}));
  EXPECT_FALSE(secret == derive(key, "a", {as_bytes("bd")}));
  EXPECT_FALSE(secret == derive(Bytes(32, 2), "a", {as_bytes("bc")}));
}

TEST(Derive, TakesLongInfo) {
  const Bytes key(32, 1), part(1024, 7);
  Bytes info{'x', 0};
  info.insert(info.end(), part.begin(), part.end());
  EXPECT_EQ(derive(key, "x", {part}), Secret<32>(hkdf_by_hand(key, info)));
}

TEST(EqualInConstantTime, ComparesLengthAndContent) {
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  EXPECT_TRUE(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("ab")));
}

TEST(IdOf, CommitsToTheKey) {
  const auto id = id_of<PeerId>(as_bytes("abc"));
  EXPECT_EQ(to_hex(id.bytes), "ba7816bf8f01cfea414140de5dae2223");
}

}  // namespace
}  // namespace lanrage::crypto
