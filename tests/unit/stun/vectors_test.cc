// The published vectors: RFC 5769 sections 2.1-2.4 and RFC 8489 appendix B.1 with erratum 6268.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "base/encoding.hpp"
#include "crypto/hash.hpp"
#include "stun/message.hpp"

namespace lanrage::stun {
namespace {

constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";

const Bytes kRequest = *from_hex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf");
const Bytes kResponseV4 = *from_hex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96");
const Bytes kResponseV6 = *from_hex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c");
const Bytes kLongTerm = *from_hex(
    "000100602112a44278ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b393534643"
    "64f4c33346f4c39465354767936347341"
    "0014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666");
const Bytes kLongTermSha256 = *from_hex(
    "000100902112a44278ad3433c6ad72c029da412e"
    "001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"
    "001500296f624d61744a6f7332414141"
    "43662f2f3439396b393534643"
    "64f4c33346f4c39465354767936347341000000"
    "0014000b6578616d706c652e6f726700"
    "001d000400020000"
    "001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65");

// "Matrix" in katakana, as both documents use it.
constexpr std::string_view kMatrix = "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9";

TEST(Rfc5769, Request) {
  auto message = MessageView::parse(kRequest);
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_TRUE(message->is(Method::binding, Class::request));
  EXPECT_TRUE(message->has_fingerprint());
  EXPECT_EQ(to_hex(message->transaction().bytes), "b7e7a701bc34d686fa87dfae");
  EXPECT_EQ(as_text(*message->find(Attribute::software)), "STUN test client");
  EXPECT_EQ(message->username(), "evtj:h6vY");
  EXPECT_TRUE(message->unknown_required().empty());
  EXPECT_TRUE(message->verify_integrity_sha1(as_bytes(kPassword)));
  EXPECT_FALSE(message->verify_integrity_sha1(as_bytes("VOkJxbRl1RmTxUk/WvJxBT")));
  EXPECT_FALSE(message->verify_integrity_sha256(as_bytes(kPassword)));
}

TEST(Rfc5769, ResponseIPv4) {
  auto message = MessageView::parse(kResponseV4);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is(Method::binding, Class::success));
  EXPECT_TRUE(message->verify_integrity_sha1(as_bytes(kPassword)));
  EXPECT_EQ(message->mapped_address(), Endpoint::parse("192.0.2.1:32853"));
}

TEST(Rfc5769, ResponseIPv6) {
  auto message = MessageView::parse(kResponseV6);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->verify_integrity_sha1(as_bytes(kPassword)));
  EXPECT_EQ(message->mapped_address(),
            Endpoint::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
}

TEST(Rfc5769, LongTermCredentials) {
  auto message = MessageView::parse(kLongTerm);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has_fingerprint());
  EXPECT_EQ(message->username(), kMatrix);
  auto key = crypto::md5(as_bytes(std::string(kMatrix) + ":example.org:TheMatrIX"));
  EXPECT_TRUE(message->verify_integrity_sha1(key));
}

TEST(Rfc8489AppendixB1, Sha256IntegrityAndUserhash) {
  auto message = MessageView::parse(kLongTermSha256);
  ASSERT_TRUE(message);
  auto key = crypto::sha256(as_bytes(std::string(kMatrix) + ":example.org:TheMatrIX"));
  EXPECT_TRUE(message->verify_integrity_sha256(key));
  auto userhash = crypto::sha256(as_bytes(std::string(kMatrix) + ":example.org"));
  EXPECT_THAT(*message->find(Attribute::userhash), testing::ElementsAreArray(userhash));
  EXPECT_EQ(as_text(*message->find(Attribute::nonce)), "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA");
  EXPECT_TRUE(message->unknown_required().empty());
}

// The builder makes the same bytes (padding with zeros is what B.1 has).
TEST(Rfc8489AppendixB1, IsBuiltByteForByte) {
  auto parsed = MessageView::parse(kLongTermSha256);
  ASSERT_TRUE(parsed);
  auto key = crypto::sha256(as_bytes(std::string(kMatrix) + ":example.org:TheMatrIX"));
  MessageBuilder builder(Method::binding, Class::request, parsed->transaction());
  for (auto type :
       {Attribute::userhash, Attribute::nonce, Attribute::realm, Attribute::password_algorithm}) {
    builder.attribute(type, *parsed->find(type));
  }
  Bytes built = builder.integrity_sha256(key).fingerprint();
  ASSERT_EQ(built.size(), kLongTermSha256.size() + 8);
  EXPECT_EQ(built[3], kLongTermSha256[3] + 8);
  EXPECT_TRUE(std::equal(kLongTermSha256.begin() + 4, kLongTermSha256.end(), built.begin() + 4));
}

TEST(Vectors, EveryTruncationIsRefused) {
  for (const Bytes* vector :
       {&kRequest, &kResponseV4, &kResponseV6, &kLongTerm, &kLongTermSha256}) {
    for (std::size_t size = 0; size < vector->size(); ++size) {
      // A copy of exactly that size, so that a sanitizer sees any read past it.
      Bytes cut(vector->begin(), vector->begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(MessageView::parse(cut)) << size;
    }
  }
}

// The same with the header's length made to fit, so that the attributes themselves are cut.
TEST(Vectors, TruncatedAttributesNeverParseAsTheWhole) {
  for (const Bytes* vector :
       {&kRequest, &kResponseV4, &kResponseV6, &kLongTerm, &kLongTermSha256}) {
    for (std::size_t size = kHeaderSize; size < vector->size(); size += 4) {
      Bytes cut(vector->begin(), vector->begin() + static_cast<std::ptrdiff_t>(size));
      cut[2] = static_cast<std::uint8_t>((size - kHeaderSize) >> 8);
      cut[3] = static_cast<std::uint8_t>(size - kHeaderSize);
      auto message = MessageView::parse(cut);
      if (!message) continue;
      EXPECT_FALSE(message->has_fingerprint());
      EXPECT_FALSE(message->verify_integrity_sha256(as_bytes(kPassword)));
    }
  }
}

TEST(Vectors, EveryFlippedBitIsNoticed) {
  for (const Bytes* vector : {&kRequest, &kResponseV4, &kResponseV6}) {
    for (std::size_t bit = 0; bit < vector->size() * 8; ++bit) {
      Bytes flipped = *vector;
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      auto message = MessageView::parse(flipped);
      // What is left: the type of FINGERPRINT itself may turn into another optional attribute.
      if (message) EXPECT_FALSE(message->has_fingerprint()) << bit;
    }
  }
}

}  // namespace
}  // namespace lanrage::stun
