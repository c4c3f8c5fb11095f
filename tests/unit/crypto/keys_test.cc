#include "crypto/keys.hpp"

#include <gtest/gtest.h>

#include "unit/crypto/hex.hpp"

namespace lanrage::crypto {
namespace {

struct SignatureVector {
  std::string_view seed, public_key, message, signature;
};
// RFC 8032 section 7.1, tests 1 to 3.
constexpr SignatureVector kSignatures[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(SigningKey, Rfc8032Vectors) {
  for (const auto& vector : kSignatures) {
    const auto key = SigningKey::from_seed(Secret<32>(hex<32>(vector.seed)));
    const auto message = hex(vector.message);
    EXPECT_EQ(to_hex(key.public_key().bytes), vector.public_key);
    EXPECT_EQ(to_hex(key.sign(message)), vector.signature);
    EXPECT_TRUE(key.public_key().verify(message, hex<64>(vector.signature)));
  }
}

TEST(SigningKey, EveryBitOfASignatureCounts) {
  SeededRandom random(1);
  const auto key = SigningKey::generate(random);
  const auto message = as_bytes("a record");
  const auto signature = key.sign(message);
  ASSERT_TRUE(key.public_key().verify(message, signature));
  for (std::size_t bit = 0; bit < 512; ++bit) {
    auto forged = signature;
    forged[bit / 8] = static_cast<std::uint8_t>(forged[bit / 8] ^ 1u << bit % 8);
    EXPECT_FALSE(key.public_key().verify(message, forged)) << bit;
  }
}

TEST(SigningKey, AnotherMessageOrKeyDoesNotVerify) {
  SeededRandom random(1);
  const auto key = SigningKey::generate(random);
  const auto other = SigningKey::generate(random);
  const auto signature = key.sign(as_bytes("a record"));
  EXPECT_FALSE(key.public_key().verify(as_bytes("a recorD"), signature));
  EXPECT_FALSE(key.public_key().verify(as_bytes("a record "), signature));
  EXPECT_FALSE(key.public_key().verify({}, signature));
  EXPECT_FALSE(other.public_key().verify(as_bytes("a record"), signature));
  // Bytes that are no point of the curve: y = 2 has no x.
  EXPECT_FALSE((VerifyKey{{2}}).verify(as_bytes("a record"), signature));
}

// A second valid signature for one message would give one record two hashes. RFC 8032
// section 5.1.7: S must be below the group order L; S + L must not pass.
TEST(SigningKey, SignaturesCannotBeRestated) {
  SeededRandom random(1);
  const auto key = SigningKey::generate(random);
  auto signature = key.sign(as_bytes("a record"));
  const auto order = hex<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += static_cast<unsigned>(signature[32 + i]) + order[i];
    signature[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  ASSERT_EQ(carry, 0u);
  EXPECT_FALSE(key.public_key().verify(as_bytes("a record"), signature));
}

TEST(SigningKey, SeedIsAllThereIsToKeep) {
  SeededRandom random(2);
  const auto key = SigningKey::generate(random);
  EXPECT_EQ(SigningKey::from_seed(key.seed()).public_key(), key.public_key());
  EXPECT_NE(SigningKey::generate(random).public_key(), key.public_key());
}

// RFC 7748 section 6.1.
TEST(ExchangeSecret, Rfc7748Vectors) {
  const auto alice = ExchangeSecret::from_bytes(
      Secret<32>(hex<32>("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")));
  const auto bob = ExchangeSecret::from_bytes(
      Secret<32>(hex<32>("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")));
  EXPECT_EQ(to_hex(alice.public_key().bytes),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(to_hex(bob.public_key().bytes),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  Secret<32> seen_by_alice, seen_by_bob;
  ASSERT_TRUE(alice.agree(bob.public_key(), seen_by_alice));
  ASSERT_TRUE(bob.agree(alice.public_key(), seen_by_bob));
  EXPECT_TRUE(seen_by_alice == seen_by_bob);
  EXPECT_EQ(to_hex(seen_by_alice.expose()),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

TEST(ExchangeSecret, IsClamped) {
  ByteArray<32> ones;
  ones.fill(0xff);
  const auto secret = ExchangeSecret::from_bytes(Secret<32>(ones)).bytes().expose();
  EXPECT_EQ(secret[0], 0xf8);
  EXPECT_EQ(secret[31], 0x7f);
  const auto zero = ExchangeSecret::from_bytes(Secret<32>()).bytes().expose();
  EXPECT_EQ(zero[0], 0x00);
  EXPECT_EQ(zero[31], 0x40);
}

// RFC 7748 section 6.1: the all-zero shared secret that these points yield must be refused.
TEST(ExchangeSecret, LowOrderKeysAreRefused) {
  SeededRandom random(3);
  const auto secret = ExchangeSecret::generate(random);
  for (std::string_view point : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    Secret<32> shared;
    EXPECT_FALSE(secret.agree(ExchangeKey{hex<32>(point)}, shared)) << point;
  }
}

TEST(SystemRandom, Fills) {
  SystemRandom random;
  EXPECT_NE(random.array<32>(), random.array<32>());
  EXPECT_LT(random.below(10), 10u);
  random.fill({});
}

}  // namespace
}  // namespace lanrage::crypto
