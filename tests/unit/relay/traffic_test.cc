// What each client has sent, as an operator is shown it.
#include <algorithm>
#include <gtest/gtest.h>

#include "unit/relay/fast_lane.hpp"
#include "unit/relay/relay_world.hpp"

namespace lanrage::relay {
namespace {

Traffic sent(const Relay& relay, const Player& player) {
  const auto all = relay.traffic();
  const auto found = std::ranges::find(all, player.endpoint, &ClientTraffic::address);
  if (found != all.end()) return found->sent;
  ADD_FAILURE() << "no " << player.endpoint.to_string();
  return {};
}

struct TrafficTest : testing::Test {
  World world;
  Player a = world.bound(7, "198.51.100.1:1000");
  Player b = world.bound(7, "198.51.100.2:2000");
};

TEST_F(TrafficTest, CountsWhatWasForwardedWithItsSender) {
  world.shake_hands(a, 1, b, 2);
  EXPECT_EQ(sent(*world.relay, a), (Traffic{148, 1}));
  EXPECT_EQ(sent(*world.relay, b), (Traffic{92, 1}));
  for (int i = 0; i < 3; ++i)
    expect_forward(world.send(a.endpoint, data(2, 1000)), b.endpoint);
  EXPECT_EQ(sent(*world.relay, a), (Traffic{3148, 4}));
  EXPECT_EQ(sent(*world.relay, b), (Traffic{92, 1}));
}

TEST_F(TrafficTest, DoesNotCountWhatWasDropped) {
  expect_drop(world.send(a.endpoint, data(99, 1000)), DropReason::no_session);
  EXPECT_EQ(sent(*world.relay, a), Traffic{});
}

TEST_F(TrafficTest, NamesTheGroupOfEachClientAndNobodyWhoHasLeft) {
  world.bound(8, "198.51.100.3:3000");
  const auto all = world.relay->traffic();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(std::ranges::count(all, 7u, &ClientTraffic::group), 2);
  EXPECT_EQ(std::ranges::count(all, 8u, &ClientTraffic::group), 1);
  world.now += Limits{}.client_lifetime + std::chrono::seconds(1);
  world.time_out();
  EXPECT_TRUE(world.relay->traffic().empty());
}

TEST_F(TrafficTest, ALeaseCountsAsItIsGranted) {
  FastLane lane;
  world.relay->set_fast_path(lane);
  world.shake_hands(a, 1, b, 2);
  const Traffic before = sent(*world.relay, a);
  for (int i = 0; i < 2; ++i)
    expect_forward(world.send(a.endpoint, data(2, 1000)), b.endpoint);
  ASSERT_NE(lane.granted.bytes, 0u);
  EXPECT_EQ(sent(*world.relay, a).bytes, before.bytes + 2000 + lane.granted.bytes);
  EXPECT_EQ(sent(*world.relay, a).packets, before.packets + 2 + lane.granted.packets);
}

}  // namespace
}  // namespace lanrage::relay
