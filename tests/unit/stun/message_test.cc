#include "stun/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "base/encoding.hpp"
#include "stun/crc32.hpp"

namespace lanrage::stun {
namespace {

const TransactionId kId{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
const ByteArray<4> kKey{'k', 'e', 'y', '1'};

TEST(Crc32, CheckValue) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926u);
}

TEST(Message, MethodsAndClassesSurvive) {
  for (auto method : {Method::binding, Method::bind_relay, static_cast<Method>(0xFFF)}) {
    for (auto kind : {Class::request, Class::indication, Class::success, Class::error}) {
      Bytes bytes = MessageBuilder(method, kind, kId).fingerprint();
      auto message = MessageView::parse(bytes);
      ASSERT_TRUE(message);
      EXPECT_TRUE(message->is(method, kind));
      EXPECT_EQ(message->transaction(), kId);
      EXPECT_TRUE(message->has_fingerprint());
    }
  }
}

TEST(Message, TypeNumbersAreTheRegistered) {
  EXPECT_EQ(MessageBuilder(Method::binding, Class::error, kId).fingerprint()[1], 0x11);
  Bytes bytes = MessageBuilder(Method::bind_relay, Class::success, kId).fingerprint();
  EXPECT_EQ(bytes[0] << 8 | bytes[1], 0x0341);
}

TEST(Message, AddressesSurvive) {
  for (const char* text : {"203.0.113.9:51820", "0.0.0.0:0", "255.255.255.255:65535",
                           "[2001:db8::1]:1", "[fe80::1234]:65535"}) {
    auto endpoint = *Endpoint::parse(text);
    Bytes bytes = MessageBuilder(Method::binding, Class::success, kId)
                      .xor_mapped_address(endpoint)
                      .plain_address(Attribute::other_address, endpoint)
                      .plain_address(Attribute::response_origin, endpoint)
                      .fingerprint();
    auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->mapped_address(), endpoint);
    EXPECT_EQ(message->other_address(), endpoint);
    EXPECT_EQ(message->response_origin(), endpoint);
  }
}

TEST(Message, MappedAddressOfAnOldServer) {
  auto endpoint = *Endpoint::parse("203.0.113.9:51820");
  Bytes bytes = MessageBuilder(Method::binding, Class::success, kId)
                    .plain_address(Attribute::mapped_address, endpoint)
                    .fingerprint();
  EXPECT_EQ(MessageView::parse(bytes)->mapped_address(), endpoint);
}

TEST(Message, AddressesOfWrongFormAreAbsent) {
  for (const char* value : {"", "0001", "0001a147e112a6", "0001a147e112a64300", "0003a147e112a643",
                            "0002a147e112a643"}) {
    Bytes bytes = MessageBuilder(Method::binding, Class::success, kId)
                      .attribute(Attribute::xor_mapped_address, *from_hex(value))
                      .fingerprint();
    auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->mapped_address(), std::nullopt) << value;
  }
}

TEST(Message, ErrorCodes) {
  Bytes bytes =
      MessageBuilder(Method::binding, Class::error, kId).error(438, "Stale Nonce").fingerprint();
  auto message = MessageView::parse(bytes);
  ASSERT_TRUE(message->error_code());
  EXPECT_EQ(message->error_code()->code, 438);
  EXPECT_EQ(message->error_code()->reason, "Stale Nonce");
  for (const char* value : {"", "000004", "00000264", "00000463", "00000763"}) {
    Bytes odd = MessageBuilder(Method::binding, Class::error, kId)
                    .attribute(Attribute::error_code, *from_hex(value))
                    .fingerprint();
    bool in_range = std::string_view(value) == "00000463";  // 499
    EXPECT_EQ(MessageView::parse(odd)->error_code().has_value(), in_range) << value;
  }
}

TEST(Message, IntegrityCoversWhatStandsBeforeIt) {
  Bytes bytes = MessageBuilder(Method::binding, Class::request, kId)
                    .username("a:b")
                    .integrity_sha256(kKey)
                    .fingerprint();
  EXPECT_TRUE(MessageView::parse(bytes)->verify_integrity_sha256(kKey));
  EXPECT_FALSE(MessageView::parse(bytes)->verify_integrity_sha256(as_bytes("key2")));
  bytes[kHeaderSize + 4] ^= 1;
  std::uint32_t crc = fingerprint_of(ByteView(bytes).first(bytes.size() - 8));
  for (int i = 0; i < 4; ++i)
    bytes[bytes.size() - 4 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
  EXPECT_FALSE(MessageView::parse(bytes)->verify_integrity_sha256(kKey));
}

TEST(Message, AttributesBehindIntegrityAreIgnored) {
  Bytes bytes = MessageBuilder(Method::binding, Class::request, kId)
                    .integrity_sha256(kKey)
                    .username("smuggled")
                    .attribute(static_cast<Attribute>(0x7001), {})
                    .fingerprint();
  auto message = MessageView::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->username(), std::nullopt);
  EXPECT_TRUE(message->unknown_required().empty());
  EXPECT_TRUE(message->verify_integrity_sha256(kKey));
}

TEST(Message, TruncatedIntegrityIsRefused) {
  Bytes bytes = MessageBuilder(Method::binding, Class::request, kId)
                    .attribute(Attribute::message_integrity_sha256, ByteArray<16>{})
                    .fingerprint();
  EXPECT_FALSE(MessageView::parse(bytes)->verify_integrity_sha256(kKey));
}

TEST(Message, FirstOfTwoCounts) {
  Bytes bytes = MessageBuilder(Method::binding, Class::request, kId)
                    .username("first")
                    .username("second")
                    .fingerprint();
  EXPECT_EQ(MessageView::parse(bytes)->username(), "first");
}

TEST(Message, UnknownRequiredAttributesAreListed) {
  Bytes bytes = MessageBuilder(Method::binding, Class::request, kId)
                    .attribute(static_cast<Attribute>(0x7001), {})
                    .attribute(static_cast<Attribute>(0x9001), {})
                    .attribute(Attribute::change_request, ByteArray<4>{})
                    .attribute(static_cast<Attribute>(0x0099), ByteArray<3>{})
                    .fingerprint();
  EXPECT_THAT(MessageView::parse(bytes)->unknown_required(), testing::ElementsAre(0x7001, 0x0099));
}

TEST(Message, RefusalsAreTold) {
  Bytes good = MessageBuilder(Method::binding, Class::request, kId).username("abc").fingerprint();
  auto errc = [](Bytes bytes) {
    auto message = MessageView::parse(bytes);
    return message ? std::string("ok") : std::string(message.error().code());
  };
  EXPECT_EQ(errc(good), "ok");

  Bytes bytes = good;
  bytes[0] |= 0x80;
  EXPECT_EQ(errc(bytes), "not_stun");
  bytes = good;
  bytes[4] ^= 1;
  EXPECT_EQ(errc(bytes), "not_stun");
  bytes = good;
  bytes[3] = static_cast<std::uint8_t>(bytes[3] - 4);
  EXPECT_EQ(errc(bytes), "bad_length");
  bytes = good;
  bytes.push_back(0);
  EXPECT_EQ(errc(bytes), "bad_length");
  bytes = good;
  bytes.push_back(0);
  bytes[3]++;
  EXPECT_EQ(errc(bytes), "bad_length");
  bytes = good;
  bytes.back() ^= 1;
  EXPECT_EQ(errc(bytes), "bad_fingerprint");
  bytes = good;
  bytes[kHeaderSize + 2] = 1;  // USERNAME of 259 bytes
  EXPECT_EQ(errc(bytes), "bad_attribute");
  // Anything after FINGERPRINT
  bytes = good;
  bytes.insert(bytes.end(), {0x80, 0x22, 0, 0});
  bytes[3] = static_cast<std::uint8_t>(bytes[3] + 4);
  EXPECT_EQ(errc(bytes), "bad_fingerprint");
}

TEST(Message, PaddedBindingRequestIsAtLeastAsLongAsItsAnswer) {
  Bytes answer = MessageBuilder(Method::binding, Class::success, kId)
                     .xor_mapped_address(*Endpoint::parse("[2001:db8::1]:1"))
                     .fingerprint();
  EXPECT_GE(binding_request(kId).size(), answer.size());
}

}  // namespace
}  // namespace lanrage::stun
