#include "relay/token.hpp"

#include <gtest/gtest.h>

namespace lanrage::relay {
namespace {

const UnixTime kNow{std::chrono::milliseconds(1'800'000'000'000)};

struct Fixture : testing::Test {
  SeededRandom random{3};
  crypto::SigningKey key = crypto::SigningKey::generate(random);
  Token token{77, random.array<32>(), crypto::SigningKey::generate(random).public_key(),
              kNow + kTokenLifetime};
  Bytes bytes = issue(token, key);
};

using RelayToken = Fixture;

TEST_F(RelayToken, SurvivesTheWire) {
  EXPECT_EQ(bytes.size(), kTokenSize);
  auto read = verify(bytes, key.public_key(), kNow);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, token);
}

TEST_F(RelayToken, ExpiresAtItsTime) {
  EXPECT_TRUE(verify(bytes, key.public_key(), token.expires - std::chrono::milliseconds(1)));
  auto late = verify(bytes, key.public_key(), token.expires);
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().is(Errc::token_expired));
  EXPECT_TRUE(verify_signature(bytes, key.public_key()));
}

TEST_F(RelayToken, OfAnotherControlServerIsForged) {
  auto other = crypto::SigningKey::generate(random);
  auto read = verify(bytes, other.public_key(), kNow);
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().is(Errc::token_forged));
}

TEST_F(RelayToken, EveryFlippedBitIsRefused) {
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(verify(flipped, key.public_key(), kNow)) << bit;
  }
}

TEST_F(RelayToken, EveryTruncationIsMalformed) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    auto read = verify(ByteView(bytes).first(size), key.public_key(), kNow);
    ASSERT_FALSE(read);
    EXPECT_TRUE(read.error().is(Errc::token_malformed));
  }
  bytes.push_back(0);
  EXPECT_FALSE(verify(bytes, key.public_key(), kNow));
}

TEST_F(RelayToken, ExpiryOutOfRangeIsMalformedThoughSigned) {
  for (std::int64_t ms : {std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    token.expires = UnixTime(std::chrono::milliseconds(ms));
    auto read = verify_signature(issue(token, key), key.public_key());
    ASSERT_FALSE(read);
    EXPECT_TRUE(read.error().is(Errc::token_malformed));
  }
}

}  // namespace
}  // namespace lanrage::relay
