#include "agent/port_leases.hpp"

#include <array>
#include <gtest/gtest.h>

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;
using portmap::Method;
using portmap::Transport;

const IpAddress kPublic = *IpAddress::parse("11.22.33.44");
constexpr Instant kStart{};

Endpoint endpoint(const char* text) {
  return *Endpoint::parse(text);
}

// A router that grants everything, as it was wished for.
portmap::Round all_of(std::span<const portmap::Wish> wishes,
                      std::chrono::seconds lifetime = 1'800s) {
  portmap::Round round{Method::pcp, kPublic, {}, {}};
  for (const auto& wish : wishes)
    round.granted.push_back({wish.port, wish.external, lifetime});
  return round;
}

portmap::Round nobody() {
  return {std::nullopt, std::nullopt, {}, "PCP: the router doesn't answer"};
}

class PortLeasesTest : public ::testing::Test {
 protected:
  // What is due now, answered by a router of this kind.
  template <class Answer>
  std::vector<PortLeases::Change> round(Answer answer) {
    const auto wishes = leases_.take_due(now_);
    EXPECT_FALSE(wishes.empty()) << "nothing was due";
    return leases_.on_round(now_, wishes, answer(wishes));
  }
  std::vector<PortLeases::Change> granted(std::chrono::seconds lifetime = 1'800s) {
    return round([&](const auto& wishes) { return all_of(wishes, lifetime); });
  }
  std::vector<PortLeases::Change> silent() {
    return round([](const auto&) { return nobody(); });
  }
  Duration wait() { return leases_.next_at().value() - now_; }
  void pass(Duration time) { now_ += time; }

  PortLeases leases_;
  Instant now_ = kStart;
};

TEST_F(PortLeasesTest, NothingIsAskedForNobody) {
  EXPECT_TRUE(leases_.take_due(now_).empty());
  EXPECT_FALSE(leases_.next_at());
}

TEST_F(PortLeasesTest, AWantedPortIsAskedForAtOnceAndToldOnce) {
  leases_.want(41'641);
  const auto wishes = leases_.take_due(now_);
  ASSERT_EQ(wishes.size(), 1u);
  EXPECT_EQ(wishes[0].port, (portmap::Port{Transport::udp, 41'641}));
  EXPECT_EQ(wishes[0].external, 41'641);
  EXPECT_TRUE(wishes[0].any_external);
  const auto changes = leases_.on_round(now_, wishes, all_of(wishes));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].port, 41'641);
  EXPECT_EQ(changes[0].mapping, (PortMapping{Method::pcp, kPublic, 41'641}));
  pass(wait());
  EXPECT_TRUE(granted().empty()) << "nothing new";
}

TEST_F(PortLeasesTest, AMappingIsRenewedAtHalfOfItsTimeOrWhenItIsTimeToLook) {
  leases_.want(41'641);
  granted(1'800s);
  EXPECT_EQ(wait(), 5min);
  pass(5min - 1us);
  EXPECT_TRUE(leases_.take_due(now_).empty());
  pass(1us);
  granted(240s);
  EXPECT_EQ(wait(), 120s);
  pass(120s);
  granted(3s);
  EXPECT_EQ(wait(), 10s) << "no hammering";
  pass(10s);
  granted(0s);
  EXPECT_EQ(wait(), 5min) << "permanent";
}

TEST_F(PortLeasesTest, AnotherExternalPortIsAsGoodAndAskedForAgain) {
  leases_.want(41'641);
  const auto changes = round([](const auto& wishes) {
    auto answer = all_of(wishes);
    answer.granted[0].external = 50'000;
    return answer;
  });
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].mapping->external, 50'000);
  pass(wait());
  EXPECT_EQ(leases_.take_due(now_).at(0).external, 50'000);
}

TEST_F(PortLeasesTest, ANewAddressOfTheRouterIsTold) {
  leases_.want(41'641);
  granted();
  pass(wait());
  const auto changes = round([](const auto& wishes) {
    auto answer = all_of(wishes);
    answer.public_address = IpAddress::parse("11.22.33.55");
    return answer;
  });
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].mapping->address, IpAddress::parse("11.22.33.55"));
}

TEST_F(PortLeasesTest, ASilentRouterIsAskedLessAndLess) {
  leases_.want(41'641);
  for (const auto minutes : {1min, 2min, 4min, 8min, 16min, 30min, 30min}) {
    EXPECT_TRUE(silent().empty());
    EXPECT_EQ(wait(), minutes);
    pass(minutes);
  }
  granted();
  pass(wait());
  silent();
  EXPECT_EQ(wait(), 1min) << "from the beginning";
}

TEST_F(PortLeasesTest, WhatWasGrantedHoldsUntilItsEndWhileTheRouterIsSilent) {
  leases_.want(41'641);
  granted(600s);
  pass(wait());
  Duration passed = 300s;
  while (passed < 600s) {
    EXPECT_TRUE(silent().empty()) << passed.count();
    passed += wait();
    pass(wait());
  }
  const auto changes = silent();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].mapping);
}

TEST_F(PortLeasesTest, OnAnotherNetworkWhatIsNotGrantedAtOnceIsGone) {
  leases_.want(41'641);
  granted();
  leases_.ask_anew();
  const auto changes = silent();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].mapping);
  leases_.ask_anew();
  EXPECT_EQ(granted().size(), 1u);
  leases_.ask_anew();
  EXPECT_TRUE(granted().empty()) << "the same as before";
}

TEST_F(PortLeasesTest, WhatComesUpDuringARoundIsDueAfterIt) {
  leases_.want(41'641);
  auto wishes = leases_.take_due(now_);
  leases_.want(41'642);
  leases_.on_round(now_, wishes, all_of(wishes));
  EXPECT_EQ(leases_.take_due(now_).size(), 2u);

  wishes = leases_.take_due(now_);
  leases_.ask_anew();
  leases_.on_round(now_, wishes, all_of(wishes));
  EXPECT_EQ(silent().size(), 2u) << "the network changed, so nothing from before it counts";
}

TEST_F(PortLeasesTest, AReleasedPortIsTakenBackOnceAlsoWhenItWasBeingAskedFor) {
  leases_.want(41'641);
  leases_.want(41'642);
  const auto wishes = leases_.take_due(now_);
  leases_.release(41'641);
  const auto changes = leases_.on_round(now_, wishes, all_of(wishes));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].port, 41'642);
  EXPECT_EQ(leases_.take_released(), (std::vector<portmap::Port>{{Transport::udp, 41'641}}));
  EXPECT_TRUE(leases_.take_released().empty());
  leases_.release(50'000);
  EXPECT_TRUE(leases_.take_released().empty()) << "never ours";
  leases_.release(41'642);
  leases_.want(41'642);
  EXPECT_TRUE(leases_.take_released().empty()) << "wanted again";
}

TEST_F(PortLeasesTest, TwoPortsNeverShareAnExternalOne) {
  leases_.want(41'641);
  leases_.want(41'642);
  const auto changes = round([](const auto& wishes) {
    auto answer = all_of(wishes);
    answer.granted[0].external = answer.granted[1].external = 50'000;
    return answer;
  });
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].port, 41'641);
  EXPECT_EQ(wait(), 1min);
  pass(wait());
  const auto wishes = leases_.take_due(now_);
  ASSERT_EQ(wishes.size(), 2u);
  EXPECT_NE(wishes[0].external, wishes[1].external);
  EXPECT_EQ(leases_.on_round(now_, wishes, all_of(wishes)).size(), 1u);
}

TEST_F(PortLeasesTest, WithoutARouterThereIsNothingToAskFor) {
  leases_.want(41'641);
  granted();
  pass(wait());
  const auto wishes = leases_.take_due(now_);
  const auto changes = leases_.on_no_router(now_, wishes);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].mapping);
  EXPECT_EQ(wait(), 5min);
}

TEST(ReachableAt, AnAddressOfTheInternetIs) {
  const PortMapping mapping{Method::upnp, kPublic, 50'000};
  EXPECT_EQ(reachable_at(mapping, {}), endpoint("11.22.33.44:50000"));
}

TEST(ReachableAt, APrivateAddressIsNotUnlessServersSeeIt) {
  const std::array outside{endpoint("203.0.113.9:1")};
  for (const char* address : {"192.168.0.2", "10.0.0.1", "100.64.3.2", "169.254.1.1"}) {
    const PortMapping mapping{Method::pcp, IpAddress::parse(address), 50'000};
    EXPECT_FALSE(reachable_at(mapping, outside)) << address << ": behind two routers";
    EXPECT_FALSE(reachable_at(mapping, {})) << address;
    const std::array inside{Endpoint{*IpAddress::parse(address), 1}};
    EXPECT_EQ(reachable_at(mapping, inside), (Endpoint{*IpAddress::parse(address), 50'000}))
        << "all of us are behind the outer router";
  }
}

TEST(ReachableAt, WhereTheRouterTellsNoneItIsTheOneThatServersSee) {
  const PortMapping mapping{Method::upnp, std::nullopt, 50'000};
  const std::array one{endpoint("203.0.113.9:1"), endpoint("203.0.113.9:2"),
                       endpoint("192.168.0.2:1"), endpoint("[2001:db8::1]:3")};
  EXPECT_EQ(reachable_at(mapping, one), endpoint("203.0.113.9:50000"));
  const std::array two{endpoint("203.0.113.9:1"), endpoint("203.0.113.10:2")};
  EXPECT_FALSE(reachable_at(mapping, two)) << "which of them is it?";
  EXPECT_FALSE(reachable_at(mapping, {}));
}

}  // namespace
}  // namespace lanrage::agent
