#include "server/port_mapping.hpp"

#include <gtest/gtest.h>

namespace lanrage::server {
namespace {

const IpAddress kOwn = *IpAddress::parse("192.168.1.5");
const IpAddress kPublic = *IpAddress::parse("203.0.113.10");
const std::vector<ServerPort> kPorts{{Transport::tcp, 8667},
                                     {Transport::udp, 51820},
                                     {Transport::udp, 3478},
                                     {Transport::udp, 3479}};

MappingRound whole_round(std::chrono::seconds lifetime = std::chrono::hours(1)) {
  MappingRound round{portmap::Method::nat_pmp, kPublic, {}, {}};
  for (const auto& port : kPorts)
    round.granted.push_back({port, port.port, lifetime});
  return round;
}

MappingRound no_router() {
  return {std::nullopt,
          std::nullopt,
          {},
          "NAT-PMP: the router doesn't answer; UPnP: no router answers"};
}

TEST(PortMapping, IsForServersOnPrivateAddressesThatNobodyNamedAnother) {
  const auto address = [](const char* text) { return *IpAddress::parse(text); };
  Config config;
  EXPECT_TRUE(should_map(config, address("192.168.1.5")));
  EXPECT_FALSE(should_map(config, kPublic));
  EXPECT_FALSE(should_map(config, address("127.0.0.1")));
  EXPECT_FALSE(should_map(config, address("fd00::5"))) << "IPv6 needs no mapping";
  config.map_ports = false;
  EXPECT_FALSE(should_map(config, kOwn));
  config.map_ports = true;
  config.public_address = kPublic;
  EXPECT_FALSE(should_map(config, kOwn));
  config.public_address.reset();
  config.listen = *Endpoint::parse("127.0.0.1:8667");
  EXPECT_FALSE(should_map(config, kOwn)) << "nobody else reaches it anyhow";
}

TEST(PortMapping, ListsThePortsAsARouterPageWantsThem) {
  EXPECT_EQ(forwarding_list(kPorts, kOwn),
            "forward TCP 8667, UDP 51820, 3478, 3479 to 192.168.1.5");
  EXPECT_EQ(forwarding_list({kPorts[1]}, kOwn), "forward UDP 51820 to 192.168.1.5");
}

TEST(PortMapping, TellsANewPublicAddressOnce) {
  PortMapping mapping(kPorts, kOwn);
  auto news = mapping.on_round(whole_round());
  EXPECT_EQ(news.reachable_at, kPublic);
  EXPECT_EQ(news.advice, "");
  EXPECT_FALSE(mapping.on_round(whole_round()).reachable_at);

  auto round = whole_round();
  round.public_address = IpAddress::parse("203.0.113.99");
  EXPECT_EQ(mapping.on_round(round).reachable_at, round.public_address);
  EXPECT_EQ(mapping.on_round(whole_round()).reachable_at, kPublic);
}

TEST(PortMapping, RenewsAtHalfOfTheShortestLifetimeAndLooksForANewAddressBefore) {
  const auto after = [](std::chrono::seconds shortest) {
    auto round = whole_round();
    round.granted[2].lifetime = shortest;
    return PortMapping(kPorts, kOwn).on_round(round).ask_again_after;
  };
  EXPECT_EQ(after(std::chrono::hours(1)), std::chrono::minutes(5));
  EXPECT_EQ(after(std::chrono::minutes(4)), std::chrono::minutes(2));
  EXPECT_EQ(after(std::chrono::seconds(1)), std::chrono::seconds(10)) << "no hammering";
  EXPECT_EQ(after(std::chrono::seconds(0)), std::chrono::minutes(5)) << "permanent";
}

TEST(PortMapping, WithoutARouterSaysWhatToForwardOnceAndAsksLessAndLess) {
  PortMapping mapping(kPorts, kOwn);
  const auto news = mapping.on_round(no_router());
  EXPECT_FALSE(news.reachable_at);
  EXPECT_EQ(
      news.advice,
      "No router forwarded this server's ports (NAT-PMP: the router doesn't answer; UPnP: no "
      "router answers), so players reach it in its own network only. In the router's "
      "settings forward TCP 8667, UDP 51820, 3478, 3479 to 192.168.1.5, and name the router's "
      "address with --public-address.");
  EXPECT_EQ(news.ask_again_after, std::chrono::minutes(1));
  for (const int minutes : {2, 4, 8, 16, 30, 30}) {
    const auto again = mapping.on_round(no_router());
    EXPECT_EQ(again.advice, "");
    EXPECT_EQ(again.ask_again_after, std::chrono::minutes(minutes));
  }
  mapping.on_round(whole_round());
  const auto lost = mapping.on_round(no_router());
  EXPECT_NE(lost.advice, "") << "said again after it had worked";
  EXPECT_EQ(lost.ask_again_after, std::chrono::minutes(1));
}

TEST(PortMapping, AnotherPortThanOursIsNoMapping) {
  PortMapping mapping(kPorts, kOwn);
  auto round = whole_round();
  round.granted[1].external = 40'000;
  round.granted.pop_back();
  round.reason = "NAT-PMP: port 51820 is taken on the router";
  const auto news = mapping.on_round(round);
  EXPECT_FALSE(news.reachable_at);
  EXPECT_EQ(
      news.advice,
      "The router doesn't forward all of this server's ports (NAT-PMP: port 51820 is taken on "
      "the router). In the router's settings forward UDP 51820, 3479 to 192.168.1.5.");
}

TEST(PortMapping, BehindTwoRoutersSaysSo) {
  for (const char* inner : {"100.64.3.2", "192.168.0.7", "0.0.0.0", "10.0.0.1"}) {
    auto round = whole_round();
    round.public_address = IpAddress::parse(inner);
    const auto news = PortMapping(kPorts, kOwn).on_round(round);
    EXPECT_FALSE(news.reachable_at) << inner;
    EXPECT_NE(news.advice.find("another router"), std::string::npos) << inner;
  }
}

TEST(PortMapping, ARouterThatHidesItsAddressNeedsItNamed) {
  auto round = whole_round();
  round.public_address.reset();
  round.reason = "UPnP: the router doesn't tell its address";
  const auto news = PortMapping(kPorts, kOwn).on_round(round);
  EXPECT_FALSE(news.reachable_at);
  EXPECT_NE(news.advice.find("--public-address"), std::string::npos);
}

}  // namespace
}  // namespace lanrage::server
