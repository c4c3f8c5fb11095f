#include "base/endpoint.hpp"

#include <gtest/gtest.h>
#include <set>
#include <unordered_set>

namespace lanrage {
namespace {

IpAddress ip(std::string_view text) {
  auto parsed = IpAddress::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(IpAddress{});
}

TEST(IpAddress, CanonicalTextRoundTrips) {
  for (std::string_view text : {"0.0.0.0", "203.0.113.9", "255.255.255.255", "::", "::1",
                                "2001:db8::1", "fe80::1:2:3:4", "2001:db8:0:1:1:1:1:1"})
    EXPECT_EQ(ip(text).to_string(), text);
}

TEST(IpAddress, OtherSpellingsBecomeCanonical) {
  EXPECT_EQ(ip("2001:DB8:0:0:0:0:0:1").to_string(), "2001:db8::1");
  EXPECT_EQ(ip("::ffff:192.0.2.1").to_string(), "192.0.2.1");
  EXPECT_TRUE(ip("::ffff:192.0.2.1").is_v4());
  EXPECT_EQ(ip("::ffff:c000:201"), ip("192.0.2.1"));
}

TEST(IpAddress, WhatIsNoAddress) {
  for (std::string_view bad : {"",
                               " ",
                               "1",
                               "1.2.3",
                               "1.2.3.4.5",
                               "256.0.0.1",
                               "01.2.3.4",
                               "1.2.3.4 ",
                               " 1.2.3.4",
                               "1.2.3.-4",
                               "0x1.2.3.4",
                               ":",
                               ":::",
                               "1::2::3",
                               "g::1",
                               "12345::",
                               "1:2:3:4:5:6:7",
                               "1:2:3:4:5:6:7:8:9",
                               "[::1]",
                               "fe80::1%eth0",
                               "localhost",
                               "::1.2.3",
                               "1.2.3.4/24"})
    EXPECT_EQ(IpAddress::parse(bad), std::nullopt) << bad;
  EXPECT_EQ(IpAddress::parse(std::string(200, ':')), std::nullopt);
  EXPECT_EQ(IpAddress::parse(std::string_view("1.2.3.4\0.5", 10)), std::nullopt)
      << "bytes after NUL";
  EXPECT_EQ(IpAddress::parse(std::string_view("::1\0", 4)), std::nullopt) << "a NUL at the end";
}

TEST(IpAddress, NumbersAndBytes) {
  EXPECT_EQ(IpAddress::v4(0xcb007109).to_string(), "203.0.113.9");
  EXPECT_EQ(ip("203.0.113.9").v4_value(), 0xcb007109u);
  EXPECT_EQ(ip("203.0.113.9").bytes().size(), 4u);
  EXPECT_EQ(ip("::1").bytes().size(), 16u);
  EXPECT_EQ(IpAddress::v4(ByteArray<4>{1, 2, 3, 4}), ip("1.2.3.4"));
  EXPECT_EQ(IpAddress{}, ip("0.0.0.0"));
  EXPECT_NE(IpAddress{}, ip("::"));
}

TEST(IpAddress, Kinds) {
  struct Row {
    std::string_view text;
    bool unspecified, loopback, multicast, link_local, is_private;
  };
  constexpr Row kRows[] = {
      {"0.0.0.0", true, false, false, false, false},
      {"::", true, false, false, false, false},
      {"127.0.0.1", false, true, false, false, false},
      {"127.255.255.255", false, true, false, false, false},
      {"::1", false, true, false, false, false},
      {"::2", false, false, false, false, false},
      {"224.0.0.1", false, false, true, false, false},
      {"239.255.255.255", false, false, true, false, false},
      {"223.255.255.255", false, false, false, false, false},
      {"240.0.0.0", false, false, false, false, false},
      {"ff02::1", false, false, true, false, false},
      {"169.254.0.1", false, false, false, true, false},
      {"169.253.0.1", false, false, false, false, false},
      {"fe80::1", false, false, false, true, false},
      {"febf::1", false, false, false, true, false},
      {"fec0::1", false, false, false, false, false},
      {"9.255.255.255", false, false, false, false, false},
      {"10.0.0.0", false, false, false, false, true},
      {"11.0.0.0", false, false, false, false, false},
      {"172.15.255.255", false, false, false, false, false},
      {"172.16.0.0", false, false, false, false, true},
      {"172.31.255.255", false, false, false, false, true},
      {"172.32.0.0", false, false, false, false, false},
      {"192.168.0.1", false, false, false, false, true},
      {"192.169.0.1", false, false, false, false, false},
      {"100.63.255.255", false, false, false, false, false},
      {"100.64.0.0", false, false, false, false, true},
      {"100.127.255.255", false, false, false, false, true},
      {"100.128.0.0", false, false, false, false, false},
      {"fbff::1", false, false, false, false, false},
      {"fc00::1", false, false, false, false, true},
      {"fdff::1", false, false, false, false, true},
      {"203.0.113.9", false, false, false, false, false},
  };
  for (const auto& row : kRows) {
    const auto address = ip(row.text);
    EXPECT_EQ(address.is_unspecified(), row.unspecified) << row.text;
    EXPECT_EQ(address.is_loopback(), row.loopback) << row.text;
    EXPECT_EQ(address.is_multicast(), row.multicast) << row.text;
    EXPECT_EQ(address.is_link_local(), row.link_local) << row.text;
    EXPECT_EQ(address.is_private(), row.is_private) << row.text;
  }
}

TEST(Endpoint, CanonicalTextRoundTrips) {
  for (std::string_view text :
       {"203.0.113.9:51820", "0.0.0.0:0", "[2001:db8::1]:51820", "[::]:65535"}) {
    auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint.has_value()) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
}

TEST(Endpoint, MappedAddressesArePlainOnes) {
  EXPECT_EQ(Endpoint::parse("[::ffff:192.0.2.1]:80"), Endpoint::parse("192.0.2.1:80"));
}

TEST(Endpoint, WhatIsNoEndpoint) {
  for (std::string_view bad : {"",
                               ":",
                               "1.2.3.4",
                               "1.2.3.4:",
                               ":80",
                               "1.2.3.4:65536",
                               "1.2.3.4:-1",
                               "1.2.3.4:+1",
                               "1.2.3.4: 80",
                               "1.2.3.4:80 ",
                               "1.2.3.4:0x50",
                               "1.2.3.4:8a",
                               "::1:80",
                               "2001:db8::1",
                               "[::1]",
                               "[::1]80",
                               "[::1:80",
                               "::1]:80",
                               "[1.2.3.4]:80",
                               "[]:80",
                               "[[::1]]:80",
                               "host:80"})
    EXPECT_EQ(Endpoint::parse(bad), std::nullopt) << bad;
}

TEST(Endpoint, OrdersAndHashesByAddressAndPort) {
  std::set<Endpoint> ordered;
  std::unordered_set<Endpoint> hashed;
  for (std::uint32_t host = 0; host < 50; ++host) {
    for (std::uint16_t port = 0; port < 50; ++port) {
      ordered.insert({IpAddress::v4(0x0a000000 + host), port});
      hashed.insert({IpAddress::v4(0x0a000000 + host), port});
    }
  }
  EXPECT_EQ(ordered.size(), 2500u);
  EXPECT_EQ(hashed.size(), 2500u);
  EXPECT_EQ(std::hash<Endpoint>{}({ip("10.0.0.1"), 9}), std::hash<Endpoint>{}({ip("10.0.0.1"), 9}));
}

TEST(Prefix, CanonicalTextRoundTrips) {
  for (std::string_view text : {"10.66.0.0/16", "0.0.0.0/0", "192.0.2.1/32", "128.0.0.0/1"}) {
    auto prefix = Prefix::parse(text);
    ASSERT_TRUE(prefix.has_value()) << text;
    EXPECT_EQ(prefix->to_string(), text);
  }
}

TEST(Prefix, WhatIsNoPrefix) {
  for (std::string_view bad :
       {"", "/", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/256",
        "10.0.0.0/8/8", "10.0.0.1/8", "10.66.1.0/16", "0.0.0.1/0", "fd00::/8", "10.0.0.0/8 "})
    EXPECT_EQ(Prefix::parse(bad), std::nullopt) << bad;
}

TEST(Prefix, ContainsItsAddressesOnly) {
  const auto prefix = *Prefix::parse("10.66.0.0/16");
  EXPECT_TRUE(prefix.contains(ip("10.66.0.0")));
  EXPECT_TRUE(prefix.contains(ip("10.66.255.255")));
  EXPECT_FALSE(prefix.contains(ip("10.65.255.255")));
  EXPECT_FALSE(prefix.contains(ip("10.67.0.0")));
  EXPECT_FALSE(prefix.contains(ip("::1")));
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(ip("255.1.2.3")));
  EXPECT_TRUE(Prefix::parse("192.0.2.1/32")->contains(ip("192.0.2.1")));
  EXPECT_FALSE(Prefix::parse("192.0.2.1/32")->contains(ip("192.0.2.0")));
}

}  // namespace
}  // namespace lanrage
