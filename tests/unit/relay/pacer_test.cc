#include "relay/pacer.hpp"

#include <gtest/gtest.h>

#include "relay/notice_gate.hpp"

namespace lanrage::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Pacer, BurstThenRate) {
  PacerRate rate({1, 4});
  Pacer pacer;
  Instant now{seconds(10)};
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(pacer.take(now, 1, rate));
  EXPECT_FALSE(pacer.take(now, 1, rate));
  EXPECT_FALSE(pacer.take(now + milliseconds(999), 1, rate));
  EXPECT_TRUE(pacer.take(now + seconds(1), 1, rate));
  EXPECT_FALSE(pacer.take(now + seconds(1), 1, rate));
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(pacer.take(now + seconds(100), 1, rate));
  EXPECT_FALSE(pacer.take(now + seconds(100), 1, rate));
}

TEST(Pacer, AnyBurstFitsAnyRate) {
  PacerRate rate({20, 1'000'000'000'000});
  Pacer pacer;
  for (int i = 0; i < 100'000; ++i)
    ASSERT_TRUE(pacer.take(Instant{seconds(1)}, 1, rate)) << i;
}

TEST(Pacer, BytesAtHighRatesKeepTheirRateWithinAPercent) {
  PacerRate rate({64u << 20, 1u << 20});
  Pacer pacer;
  std::uint64_t taken = 0;
  for (Instant now{seconds(1)}; now < Instant{seconds(2)}; now += Duration(10)) {
    if (pacer.take(now, 1452, rate)) taken += 1452;
  }
  double expected = 65.0 * (1 << 20);
  EXPECT_NEAR(static_cast<double>(taken), expected, expected / 100);
}

TEST(AddressPacer, OneBucketForAnIPv6Subnet) {
  AddressPacer pacer({1, 2}, 5);
  Instant now{seconds(1)};
  EXPECT_TRUE(pacer.take(now, *IpAddress::parse("2001:db8::1"), 1));
  EXPECT_TRUE(pacer.take(now, *IpAddress::parse("2001:db8::2"), 1));
  EXPECT_FALSE(pacer.take(now, *IpAddress::parse("2001:db8::3"), 1));
  EXPECT_TRUE(pacer.take(now, *IpAddress::parse("192.0.2.1"), 1));
  EXPECT_TRUE(pacer.take(now, *IpAddress::parse("192.0.2.2"), 1));
}

TEST(NoticeGate, OneASecondAndSource) {
  NoticeGate gate(seconds(1), {1000, 1000}, 5);
  Endpoint source = *Endpoint::parse("192.0.2.1:1000");
  Instant now{};
  int opened = 0;
  for (int ms = 0; ms < 10'000; ms += 10)
    opened += gate.open(now + milliseconds(ms), source);
  EXPECT_EQ(opened, 10);
}

TEST(NoticeGate, BoundedAltogether) {
  NoticeGate gate(seconds(1), {100, 100}, 5);
  int opened = 0;
  for (std::uint16_t port = 1; port < 5000; ++port)
    opened += gate.open(Instant{seconds(3)}, {*IpAddress::parse("192.0.2.1"), port});
  EXPECT_EQ(opened, 100);
}

}  // namespace
}  // namespace lanrage::relay
