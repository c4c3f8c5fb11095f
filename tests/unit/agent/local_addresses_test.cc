#include "agent/local_addresses.hpp"

#include <gtest/gtest.h>

#include "agent/local_discovery.hpp"

namespace lanrage::agent {
namespace {

TEST(LocalAddresses, Ipv6ThatWasReplacedOrIsntUniqueIsLeftOut) {
  const auto unusable = unusable_ipv6(
      "00000000000000000000000000000001 01 80 10 80       lo\n"
      "20010db8000100000000000000000010 02 40 00 00     eth0\n"
      "20010db8000100000000000000000011 02 40 00 01     eth0\n"
      "20010db8000100000000000000000012 02 40 00 21     eth0\n"
      "20010db8000100000000000000000013 02 40 00 40     eth0\n"
      "20010db8000100000000000000000014 02 40 00 c8     eth0\n"
      "nonsense\n");
  EXPECT_EQ(unusable,
            (std::vector{*IpAddress::parse("2001:db8:1::12"), *IpAddress::parse("2001:db8:1::13"),
                         *IpAddress::parse("2001:db8:1::14")}));
  EXPECT_TRUE(unusable_ipv6("").empty());
}

TEST(NatProbeConfig, AsksEachFamilyThatWeHave) {
  protocol::Relay relay;
  for (const char* text : {"203.0.113.1:51820", "[2001:db8::1]:51820"})
    relay.endpoints.push_back(*Endpoint::parse(text));
  for (const char* text : {"203.0.113.1:3478", "203.0.113.1:3479", "192.168.1.9:3478",
                           "192.168.1.9:3479", "[2001:db8::1]:3478", "[2001:db8::1]:3479"})
    relay.stun.push_back(*Endpoint::parse(text));
  const auto v4 = *IpAddress::parse("192.168.1.5");
  const auto v6 = *IpAddress::parse("2001:db8:1::5");
  const auto asked = [&](const std::vector<IpAddress>& own) {
    std::string out;
    const auto config = nat_probe_config({relay}, own, 4000);
    for (const auto& server : config.servers) {
      out += server.primary.to_string() + " ";
      if (server.alternate) out += server.alternate->to_string() + " ";
    }
    for (const auto& endpoint : config.relays)
      out += endpoint.to_string() + " ";
    return out;
  };
  EXPECT_EQ(asked({v4}), "203.0.113.1:3478 203.0.113.1:3479 203.0.113.1:51820 ");
  EXPECT_EQ(asked({v6}), "[2001:db8::1]:3478 [2001:db8::1]:3479 [2001:db8::1]:51820 ");
  EXPECT_EQ(asked({v4, v6}),
            "203.0.113.1:3478 203.0.113.1:3479 [2001:db8::1]:3478 [2001:db8::1]:3479 "
            "203.0.113.1:51820 [2001:db8::1]:51820 ");
  EXPECT_EQ(asked({}), "");
}

}  // namespace
}  // namespace lanrage::agent
