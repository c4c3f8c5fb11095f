// Byte by byte after the pictures of RFC 6887: 7.1, 7.2 and 11.1.
#include "portmap/pcp.hpp"

#include <gtest/gtest.h>

namespace lanrage::portmap::pcp {
namespace {

using std::chrono::seconds;

const Nonce kNonce{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab};

MapRequest a_request() {
  return {seconds(3'600), *IpAddress::parse("192.168.1.5"), kNonce, Protocol::udp, 41'641, 41'641,
          IpAddress()};
}

const Bytes kRequestOnTheWire{
    2,    1,    0,    0,                             // version, MAP, reserved
    0,    0,    0x0e, 0x10,                          // 3,600 s
    0,    0,    0,    0,    0,    0,    0,    0,     //
    0,    0,    0xff, 0xff, 192,  168,  1,    5,     // our address, IPv4-mapped
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,  //
    0xa8, 0xa9, 0xaa, 0xab,                          // nonce
    17,   0,    0,    0,                             // UDP, reserved
    0xa2, 0xa9, 0xa2, 0xa9,                          // 41641 inside, 41641 suggested
    0,    0,    0,    0,    0,    0,    0,    0,     //
    0,    0,    0xff, 0xff, 0,    0,    0,    0,     // any external address
};

Bytes an_answer(std::uint8_t result = 0) {
  return {
      2,    0x81, 0,    result,  // version, answer to MAP, result
      0,    0,    0x07, 0x08,    // 1,800 s
      0,    1,    0,    0,       // epoch 65,536
      0,    0,    0,    0,      0,    0,    0,    0,    0, 0, 0, 0,  // reserved
      0xa0, 0xa1, 0xa2, 0xa3,   0xa4, 0xa5, 0xa6, 0xa7,              //
      0xa8, 0xa9, 0xaa, 0xab,                                        // nonce
      17,   0,    0,    0,                                           // UDP
      0xa2, 0xa9, 0xc0, 0x01,                                        // 41641 inside, 49153 outside
      0,    0,    0,    0,      0,    0,    0,    0,                 //
      0,    0,    0xff, 0xff,   11,   22,   33,   44,
  };
}

TEST(Pcp, ARequestLooksAsTheRfcDrawsIt) {
  EXPECT_EQ(encode(a_request()), kRequestOnTheWire);
  EXPECT_EQ(encode(a_request()).size(), kMapSize);
}

TEST(Pcp, ARequestToRemoveHasNoLifetime) {
  auto request = a_request();
  request.lifetime = seconds(0);
  const auto bytes = encode(request);
  EXPECT_EQ(Bytes(bytes.begin() + 4, bytes.begin() + 8), Bytes(4, 0));
}

TEST(Pcp, AnIpv6ClientIsNotMapped) {
  auto request = a_request();
  request.client = *IpAddress::parse("2001:db8::5");
  const auto bytes = encode(request);
  EXPECT_EQ(Bytes(bytes.begin() + 8, bytes.begin() + 24),
            Bytes({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}));
}

TEST(Pcp, AnAnswerSaysWhatWasGranted) {
  const auto answer = parse(an_answer());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->result, ResultCode::success);
  EXPECT_EQ(answer->lifetime, seconds(1'800));
  EXPECT_EQ(answer->epoch, 65'536u);
  EXPECT_EQ(answer->nonce, kNonce);
  EXPECT_EQ(answer->protocol, Protocol::udp);
  EXPECT_EQ(answer->internal_port, 41'641);
  EXPECT_EQ(answer->external_port, 49'153);
  EXPECT_EQ(answer->external_address, *IpAddress::parse("11.22.33.44"));
  EXPECT_TRUE(answer->answers(a_request()));
}

TEST(Pcp, AnAnswerToAnotherRequestIsNone) {
  const auto answer = parse(an_answer());
  ASSERT_TRUE(answer);
  auto other = a_request();
  other.nonce[11] ^= 1;
  EXPECT_FALSE(answer->answers(other));
  other = a_request();
  other.protocol = Protocol::tcp;
  EXPECT_FALSE(answer->answers(other));
  other = a_request();
  other.internal_port = 1;
  EXPECT_FALSE(answer->answers(other));
}

TEST(Pcp, OptionsBehindTheAnswerAreSkipped) {
  auto bytes = an_answer();
  bytes.insert(bytes.end(), {1, 0, 0, 4, 1, 2, 3, 4});
  EXPECT_TRUE(parse(bytes));
}

TEST(Pcp, NoTruncatedAnswerIsTaken) {
  const auto whole = an_answer();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse({whole.data(), size})) << size;
}

TEST(Pcp, WhatIsNoMapAnswerIsNamed) {
  const auto error_of = [](const Bytes& bytes) {
    const auto answer = parse(bytes);
    return answer ? std::string("none") : std::string(answer.error().code());
  };
  auto bytes = an_answer();
  bytes.push_back(0);
  EXPECT_EQ(error_of(bytes), "bad_length");
  EXPECT_EQ(error_of([] {
              auto long_one = an_answer();
              long_one.resize(kMaxMessage + 4);
              return long_one;
            }()),
            "bad_length");
  bytes = an_answer();
  bytes[1] = 1;  // a request, from another client
  EXPECT_EQ(error_of(bytes), "not_a_map_answer");
  bytes[1] = 0x80;  // ANNOUNCE
  EXPECT_EQ(error_of(bytes), "not_a_map_answer");
  bytes = an_answer();
  bytes[36] = 6 + 17;
  EXPECT_EQ(error_of(bytes), "bad_protocol");
  // RFC 6887 appendix A, RFC 6886 3.5: a router that knows NAT-PMP alone.
  EXPECT_EQ(error_of({0, 0x81, 0, 1, 0, 0, 0, 9}), "other_version");
}

TEST(Pcp, EveryRefusalIsExplained) {
  for (int code = 1; code < 256; ++code) {
    const auto answer = parse(an_answer(static_cast<std::uint8_t>(code)));
    ASSERT_TRUE(answer) << code;
    EXPECT_NE(answer->result, ResultCode::success);
    EXPECT_FALSE(explain(answer->result).empty());
  }
  EXPECT_EQ(explain(ResultCode::malformed_option), "the router refused (6)");
  EXPECT_NE(explain(ResultCode::address_mismatch).find("another router"), std::string::npos);
}

TEST(Pcp, LifetimesAreAtMostADay) {
  auto bytes = an_answer();
  bytes[4] = bytes[5] = bytes[6] = bytes[7] = 0xff;
  EXPECT_EQ(parse(bytes)->lifetime, kMaxLifetime);
  auto request = a_request();
  request.lifetime = std::chrono::hours(1'000'000);
  EXPECT_EQ(encode(request)[5], 1) << "86,400 is 0x00015180";
}

// 8.5
TEST(Pcp, AnEpochThatRunsWithOurClockIsTheSameRouter) {
  EpochWatch watch;
  const Instant start{};
  EXPECT_FALSE(watch.on_answer(start, 1'000)) << "nothing to compare with";
  EXPECT_FALSE(watch.on_answer(start + seconds(300), 1'300));
  EXPECT_FALSE(watch.on_answer(start + seconds(600), 1'582)) << "a clock 6 % slow is allowed";
  EXPECT_FALSE(watch.on_answer(start + seconds(600), 1'581)) << "one second back is allowed";
}

TEST(Pcp, AnEpochThatJumpsTellsOfARestart) {
  const auto second = [](seconds passed, std::uint32_t epoch) {
    EpochWatch watch;
    static_cast<void>(watch.on_answer(Instant{}, 1'000));
    return watch.on_answer(Instant{} + passed, epoch);
  };
  EXPECT_TRUE(second(seconds(300), 20)) << "started anew";
  EXPECT_TRUE(second(seconds(0), 998)) << "two seconds back";
  EXPECT_TRUE(second(seconds(300), 1'200)) << "far behind our clock";
  EXPECT_TRUE(second(seconds(300), 1'500)) << "far ahead of it";
  EXPECT_FALSE(second(seconds(300), 1'300));
}

}  // namespace
}  // namespace lanrage::portmap::pcp
