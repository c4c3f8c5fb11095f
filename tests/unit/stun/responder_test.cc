#include "stun/responder.hpp"

#include <gtest/gtest.h>

#include "stun/message.hpp"

namespace lanrage::stun {
namespace {

const TransactionId kId{{7}};
const Endpoint kSource = *Endpoint::parse("198.51.100.7:40000");
const ServerAddresses kTwoPorts{Endpoint::parse("203.0.113.1:3478"),
                                Endpoint::parse("203.0.113.1:3479")};

TEST(Responder, TellsTheSourceItsAddress) {
  auto reply = respond(binding_request(kId), kSource, kTwoPorts);
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->from_other_port);
  auto message = MessageView::parse(reply->bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is(Method::binding, Class::success));
  EXPECT_EQ(message->transaction(), kId);
  EXPECT_TRUE(message->has_fingerprint());
  EXPECT_EQ(message->mapped_address(), kSource);
  EXPECT_EQ(message->other_address(), kTwoPorts.other);
  EXPECT_EQ(message->response_origin(), kTwoPorts.received_on);
  EXPECT_LE(reply->bytes.size(), kMaxMessageSize);
}

TEST(Responder, ClassicRequestOfTwentyBytesIsServed) {
  Bytes request{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  EXPECT_TRUE(respond(request, kSource, {}));
}

TEST(Responder, AnswersFromTheOtherPortWhenAsked) {
  Bytes request = MessageBuilder(Method::binding, Class::request, kId)
                      .attribute_u32(Attribute::change_request, kChangePort)
                      .fingerprint();
  auto reply = respond(request, kSource, kTwoPorts);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->from_other_port);
  EXPECT_EQ(MessageView::parse(reply->bytes)->response_origin(), kTwoPorts.other);
}

TEST(Responder, ChangesItCannotMakeAreUnknownAttributes) {
  struct Case {
    std::uint32_t flags;
    ServerAddresses addresses;
  };
  for (const auto& [flags, addresses] :
       {Case{kChangeAddress, kTwoPorts}, Case{kChangeAddress | kChangePort, kTwoPorts},
        Case{kChangePort, {}}}) {
    Bytes request = MessageBuilder(Method::binding, Class::request, kId)
                        .attribute_u32(Attribute::change_request, flags)
                        .fingerprint();
    auto reply = respond(request, kSource, addresses);
    ASSERT_TRUE(reply);
    auto message = MessageView::parse(reply->bytes);
    EXPECT_EQ(message->error_code()->code, 420);
    EXPECT_EQ(message->find(Attribute::unknown_attributes)->size(), 2u);
  }
}

TEST(Responder, UnknownRequiredAttributesAreRefusedBriefly) {
  MessageBuilder request(Method::binding, Class::request, kId);
  for (int i = 0; i < 50; ++i)
    request.attribute(static_cast<Attribute>(0x7000 + i), {});
  Bytes bytes = request.fingerprint();
  auto reply = respond(bytes, kSource, kTwoPorts);
  ASSERT_TRUE(reply);
  EXPECT_EQ(MessageView::parse(reply->bytes)->error_code()->code, 420);
  EXPECT_LT(reply->bytes.size(), bytes.size());
}

TEST(Responder, NothingElseIsAnswered) {
  EXPECT_FALSE(respond({}, kSource, kTwoPorts));
  for (auto kind : {Class::indication, Class::success, Class::error}) {
    EXPECT_FALSE(respond(MessageBuilder(Method::binding, kind, kId).fingerprint(), kSource, {}));
  }
  Bytes bind = MessageBuilder(Method::bind_relay, Class::request, kId).fingerprint();
  EXPECT_FALSE(respond(bind, kSource, kTwoPorts));
  Bytes broken = binding_request(kId);
  broken.back() ^= 1;
  EXPECT_FALSE(respond(broken, kSource, kTwoPorts));
}

}  // namespace
}  // namespace lanrage::stun
