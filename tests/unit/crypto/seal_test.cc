#include "crypto/seal.hpp"

#include <gtest/gtest.h>

#include "unit/crypto/hex.hpp"

namespace lanrage::crypto {
namespace {

Bytes flipped(Bytes bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
  return bytes;
}

Bytes copy(std::string_view text) {
  return {text.begin(), text.end()};
}

// RFC 8439 section 2.8.2.
TEST(Seal, Rfc8439Vector) {
  ByteArray<32> key;
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(0x80 + i);
  const auto nonce = hex<12>("070000004041424344454647");
  const auto associated = hex("50515253c0c1c2c3c4c5c6c7");
  const auto plain = copy(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
      "sunscreen would be it.");
  const auto sealed = seal(Secret<32>(key), nonce, associated, plain);
  EXPECT_EQ(to_hex(sealed),
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
            "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
            "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
            "3ff4def08e4b7a9de576d26586cec64b6116"
            "1ae10b594f09e26a7e902ecbd0600691");
  EXPECT_EQ(open(Secret<32>(key), nonce, associated, sealed), plain);
}

class Sealing : public testing::Test {
 protected:
  Secret<32> key_{ByteArray<32>{1, 2, 3}};
  ByteArray<12> nonce_{4, 5, 6};
  Bytes associated_ = copy("who and what for");
  Bytes plain_ = copy("the party key");
};

TEST_F(Sealing, EmptyPartsAreFine) {
  for (const auto& associated : {Bytes{}, associated_}) {
    for (const auto& plain : {Bytes{}, plain_}) {
      const auto sealed = seal(key_, nonce_, associated, plain);
      EXPECT_EQ(sealed.size(), plain.size() + kTagSize);
      EXPECT_EQ(open(key_, nonce_, associated, sealed), plain);
    }
  }
}

TEST_F(Sealing, EveryBitCounts) {
  const auto sealed = seal(key_, nonce_, associated_, plain_);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit)
    EXPECT_EQ(open(key_, nonce_, associated_, flipped(sealed, bit)), std::nullopt) << bit;
  for (std::size_t bit = 0; bit < associated_.size() * 8; ++bit)
    EXPECT_EQ(open(key_, nonce_, flipped(associated_, bit), sealed), std::nullopt) << bit;
  EXPECT_EQ(open(key_, nonce_, {}, sealed), std::nullopt);
  EXPECT_EQ(open(key_, {}, associated_, sealed), std::nullopt);
  EXPECT_EQ(open(Secret<32>{}, nonce_, associated_, sealed), std::nullopt);
}

TEST_F(Sealing, EveryTruncationIsRefused) {
  auto sealed = seal(key_, nonce_, associated_, plain_);
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_EQ(open(key_, nonce_, associated_, ByteView(sealed).first(size)), std::nullopt) << size;
  sealed.push_back(0);
  EXPECT_EQ(open(key_, nonce_, associated_, sealed), std::nullopt);
}

class Box : public testing::Test {
 protected:
  SeededRandom random_{1};
  ExchangeSecret recipient_ = ExchangeSecret::generate(random_);
  Bytes associated_ = copy("roster hash");
  Bytes plain_ = copy("the party key");
  Bytes box_ = seal_box(random_, recipient_.public_key(), associated_, plain_).value_or(Bytes{});
};

TEST_F(Box, OpensForItsRecipient) {
  ASSERT_EQ(box_.size(), plain_.size() + kBoxOverhead);
  EXPECT_EQ(open_box(recipient_, associated_, box_), plain_);
}

TEST_F(Box, OpensForNobodyElse) {
  EXPECT_EQ(open_box(ExchangeSecret::generate(random_), associated_, box_), std::nullopt);
  EXPECT_EQ(open_box(recipient_, copy("another roster"), box_), std::nullopt);
}

TEST_F(Box, EveryBitCounts) {
  for (std::size_t bit = 0; bit < box_.size() * 8; ++bit) {
    // X25519 ignores the top bit of a key, but the box's key is derived from its bytes.
    EXPECT_EQ(open_box(recipient_, associated_, flipped(box_, bit)), std::nullopt) << bit;
  }
}

TEST_F(Box, EveryTruncationIsRefused) {
  for (std::size_t size = 0; size < box_.size(); ++size)
    EXPECT_EQ(open_box(recipient_, associated_, ByteView(box_).first(size)), std::nullopt) << size;
}

TEST_F(Box, IsDifferentEachTime) {
  const auto again = seal_box(random_, recipient_.public_key(), associated_, plain_);
  ASSERT_TRUE(again.has_value());
  EXPECT_NE(*again, box_);
  EXPECT_EQ(open_box(recipient_, associated_, *again), plain_);
}

TEST_F(Box, LowOrderKeysAreRefused) {
  EXPECT_EQ(seal_box(random_, ExchangeKey{}, associated_, plain_), std::nullopt);
  auto forged = box_;
  std::fill_n(forged.begin(), 32, std::uint8_t{0});
  EXPECT_EQ(open_box(recipient_, associated_, forged), std::nullopt);
}

}  // namespace
}  // namespace lanrage::crypto
