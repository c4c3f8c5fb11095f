// Sessions leased to a faster path: nothing may be different from a relay without one.
#include "relay/leases.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "unit/relay/fast_lane.hpp"
#include "unit/relay/relay_world.hpp"

namespace lanrage::relay {
namespace {

using namespace std::chrono_literals;

class LeasesTest : public testing::Test {
 protected:
  void SetUp() override {
    world.relay->set_fast_path(lane);
    world.shake_hands(a, 1, b, 2);
  }
  // True when it went by the fast lane.
  bool send_data(std::size_t size = 1000) {
    if (lane.take(world.now, a.endpoint, 2, size)) return true;
    expect_forward(world.send(a.endpoint, data(2, size)), b.endpoint);
    return false;
  }
  std::uint64_t lease() const { return lane.leases.at({a.endpoint, 2}).left.bytes; }

  FastLane lane;
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:2000");
};

TEST_F(LeasesTest, ASessionThatMerelyKeepsAliveGetsNone) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(send_data(32));
    world.now += 5s;
    world.relay->on_timeout(world.now);
  }
  EXPECT_EQ(lane.granted, Traffic{});
}

TEST_F(LeasesTest, OneInUseIsLeasedFromItsSecondPacketOn) {
  EXPECT_FALSE(send_data());
  EXPECT_TRUE(lane.leases.empty());
  world.now += 20ms;
  EXPECT_FALSE(send_data());
  ASSERT_EQ(lane.leases.size(), 1u);
  const auto& lease = lane.leases.begin()->second;
  EXPECT_EQ(lease.route.from, a.endpoint);
  EXPECT_EQ(lease.route.to, b.endpoint);
  EXPECT_EQ(lease.route.index, 2u);
  EXPECT_EQ(lease.left, (Traffic{Leases::kLeast, 5}));  // of 1000 bytes
  EXPECT_EQ(lease.until, world.now + Leases::kTime);
  world.now += 20ms;
  EXPECT_TRUE(send_data());
}

// The client's own burst of packets gets through, as if there were no faster path.
TEST_F(LeasesTest, NothingIsPaidForWhereThePathTakesNone) {
  lane.open = false;
  const auto burst = Limits{}.client_packets.burst;
  for (std::uint64_t i = 0; i + 10 < burst; ++i)
    ASSERT_FALSE(send_data(100)) << i;
  EXPECT_EQ(lane.granted, Traffic{});
  lane.open = true;
  world.now += 1s;
  send_data(100);
  send_data(100);
  EXPECT_NE(lane.granted, Traffic{});
}

TEST_F(LeasesTest, TheSizeFollowsTheTraffic) {
  for (int i = 0; i < 5'000; ++i) {
    world.now += 1ms;  // a megabyte a second
    send_data();
  }
  EXPECT_GT(lane.taken, 4'980u);
  send_data(Leases::kMost);  // doesn't fit: brings a new lease, of the greatest size
  EXPECT_EQ(lease(), Leases::kMost);
  // With little traffic the leases end by time, and shrink.
  for (int i = 0; i < 100; ++i) {
    world.now += 600ms;
    send_data(100);
  }
  EXPECT_LE(lease(), Leases::kLeast);
}

TEST_F(LeasesTest, ItHoldsAsManyPacketsAsItsBytesAre) {
  const auto packets_of = [&](std::uint64_t size) {
    for (int i = 0; i < 50'000; ++i) {
      world.now += 1ms;
      send_data(size);
    }
    lane.leases.clear();
    send_data(size);
    const Traffic left = lane.leases.at({a.endpoint, 2}).left;
    return static_cast<double>(left.packets * size) / static_cast<double>(left.bytes);
  };
  EXPECT_NEAR(packets_of(1400), 1, 0.02);
  EXPECT_NEAR(packets_of(64), 1, 0.02) << "whatever came before";
  EXPECT_NEAR(packets_of(1400), 1, 0.02);
}

TEST_F(LeasesTest, ASessionOfSmallPacketsIsLeasedAsMuch) {
  for (int i = 0; i < 20; ++i) {
    world.now += 1ms;
    send_data(1400);
  }
  const auto before = world.relay->counters().forwarded_packets;
  for (int i = 0; i < 20'000; ++i) {
    world.now += 1ms;
    send_data(100);
  }
  EXPECT_LE(world.relay->counters().forwarded_packets - before, 40u);
}

TEST_F(LeasesTest, NoneOutlivesItsSession) {
  world.now += 199s + 500ms;  // of 200
  send_data();
  send_data();
  ASSERT_EQ(lane.leases.size(), 1u);
  EXPECT_LE(lane.leases.begin()->second.until, World::kStart + 200s + 1s);
  world.now += 1s;
  EXPECT_FALSE(lane.take(world.now, a.endpoint, 2, 100));
  expect_drop(world.send(a.endpoint, data(2)), DropReason::no_session);
}

TEST_F(LeasesTest, AddressesOfAnotherFamilyAreTheRelaysBusiness) {
  Player six = world.bound(1, "[2001:db8::6]:6000");
  world.shake_hands(a, 11, six, 12);
  for (int i = 0; i < 5; ++i)
    expect_forward(world.send(a.endpoint, data(12)), six.endpoint);
  EXPECT_TRUE(lane.leases.empty());
}

TEST_F(LeasesTest, SilentSessionsAreForgotten) {
  send_data();
  send_data();
  ASSERT_EQ(lane.leases.size(), 1u);
  for (int i = 0; i < 5; ++i) {
    world.now += 1s;
    world.relay->on_timeout(world.now);
  }
  EXPECT_TRUE(lane.leases.empty());
}

TEST(LeasesLimits, HoldToWithinALease) {
  Limits limits;
  limits.client_bytes = {100'000, 50'000};
  World world(limits);
  FastLane lane;
  world.relay->set_fast_path(lane);
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:2000");
  world.shake_hands(a, 1, b, 2);
  std::uint64_t through = 0;
  const Bytes packet = data(2, 1000);
  for (int i = 0; i < 10'000; ++i) {  // ten seconds at ten times the limit
    world.now += 1ms;
    if (lane.take(world.now, a.endpoint, 2, packet.size()) ||
        world.send(a.endpoint, packet).kind == Verdict::Kind::forward)
      through += packet.size();
  }
  EXPECT_LE(through, 10 * 100'000u + 50'000u);
  EXPECT_GE(through, 10 * 100'000u * 8 / 10);
}

TEST(LeasesLimits, HoldForPacketsToo) {
  Limits limits;
  limits.client_packets = {1'000, 500};
  World world(limits);
  FastLane lane;
  world.relay->set_fast_path(lane);
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:2000");
  world.shake_hands(a, 1, b, 2);
  std::uint64_t through = 0;
  for (int i = 0; i < 100'000; ++i) {  // ten seconds at ten times the limit, large and small ones
    world.now += 100us;
    const Bytes packet = data(2, i / 1'000 % 2 == 0 ? 64 : 1'000);
    through += lane.take(world.now, a.endpoint, 2, packet.size()) ||
               world.send(a.endpoint, packet).kind == Verdict::Kind::forward;
  }
  EXPECT_LE(through, 10 * 1'000u + 500u);
  EXPECT_GE(through, 10 * 1'000u * 8 / 10);
  EXPECT_GT(lane.taken, 0u);
}

TEST(LeasesLimits, WhatIsLeftOfOneIsTakenBackThoughTheNextWasRefused) {
  Limits limits;
  limits.client_bytes = {1'000, 9'000};
  World world(limits);
  FastLane lane;
  world.relay->set_fast_path(lane);
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:2000");
  world.shake_hands(a, 1, b, 2);
  world.now += 10s;
  for (int i = 0; i < 2; ++i)
    expect_forward(world.send(a.endpoint, data(2, 1'000)), b.endpoint);
  ASSERT_TRUE(lane.take(world.now, a.endpoint, 2, 4'000));
  expect_forward(world.send(a.endpoint, data(2, 1'000)), b.endpoint);  // nothing left for a lease
  ASSERT_EQ(lane.leases.at({a.endpoint, 2}).left.bytes, 96u);
  world.bound(2, b.endpoint.to_string());
  EXPECT_FALSE(lane.take(world.now, a.endpoint, 2, 64)) << "another party's client is there now";
}

// The same random life twice, with a fast lane and without.
class Twins {
 public:
  explicit Twins(std::uint64_t seed) : events_(seed), plain_(roomy(), seed), fast_(roomy(), seed) {
    fast_.relay->set_fast_path(lane);
    for (std::uint32_t i = 0; i < kPlayers; ++i) {
      const std::string at = "198.51.100." + std::to_string(i + 1) + ":1000";
      plain_players_.push_back(plain_.bound(i % 2, at));
      fast_players_.push_back(fast_.bound(i % 2, at));
    }
  }

  void step() {
    const auto who = static_cast<std::uint32_t>(events_.below(kPlayers));
    const auto to = static_cast<std::uint32_t>(events_.below(kPlayers));
    switch (events_.below(20)) {
      case 0:
        return move(who);
      case 1:
        return pass(std::chrono::milliseconds(events_.below(20'000)));
      case 2:
        return send_data(who, static_cast<std::uint32_t>(events_.below(kPlayers * kPlayers)));
      case 3:
      case 4:
      case 5:
        return shake_hands(who, to);
      default:
        for (std::uint64_t i = events_.below(60); i > 0; --i) {
          pass(std::chrono::milliseconds(events_.below(80)));
          send_data(who, to * kPlayers + who);
        }
    }
  }

  FastLane lane;
  std::uint64_t forwarded = 0;

 private:
  static constexpr std::uint32_t kPlayers = 6;
  static Limits roomy() {
    Limits limits;
    limits.client_bytes = limits.group_bytes = limits.address_bytes = {1ull << 34, 1ull << 34};
    limits.client_packets = limits.group_packets = limits.address_packets = {1u << 24, 1u << 24};
    limits.stun_an_address = limits.verify_an_address = {1'000'000, 1'000'000};
    return limits;
  }

  void pass(Duration time) {
    plain_.now += time;
    fast_.now = plain_.now;
    plain_.relay->on_timeout(plain_.now);
    fast_.relay->on_timeout(fast_.now);
  }
  // To a new address, or to one that somebody else has.
  void move(std::uint32_t who) {
    const auto to = Endpoint::parse("198.51.100." + std::to_string(1 + events_.below(8)) + ":1000");
    for (auto* side : {&plain_players_, &fast_players_}) {
      World& world = side == &plain_players_ ? plain_ : fast_;
      Player& player = (*side)[who];
      player.endpoint = *to;
      stun::Datagrams datagrams;
      player.bind->start(world.now, datagrams);
      world.exchange(player, datagrams);
    }
    fast_.now = plain_.now = std::max(plain_.now, fast_.now);
  }
  void shake_hands(std::uint32_t a, std::uint32_t b) {
    const std::uint32_t a_index = a * kPlayers + b, b_index = b * kPlayers + a;
    for (const bool answer : {false, true}) {
      const Bytes packet = answer ? response(b_index, a_index, plain_players_[a].mac1_key)
                                  : initiation(a_index, plain_players_[b].mac1_key);
      const Bytes same = answer ? response(b_index, a_index, fast_players_[a].mac1_key)
                                : initiation(a_index, fast_players_[b].mac1_key);
      const auto from = plain_players_[answer ? b : a].endpoint;
      expect_same(plain_.send(from, packet), fast_.send(from, same));
    }
  }
  void send_data(std::uint32_t who, std::uint32_t index) {
    const Bytes packet = data(index, 32 + events_.below(1'400));
    const auto from = plain_players_[who].endpoint;
    const Verdict expected = plain_.send(from, packet);
    if (const auto taken = lane.take(fast_.now, from, index, packet.size())) {
      expect_forward(expected, *taken);
      ++forwarded;
      return;
    }
    expect_same(expected, fast_.send(from, packet));
  }
  static void expect_same(const Verdict& expected, const Verdict& verdict) {
    EXPECT_EQ(expected.kind, verdict.kind);
    EXPECT_EQ(name_of(expected.reason), name_of(verdict.reason));
    EXPECT_EQ(expected.to, verdict.to);
  }

  SeededRandom events_;
  World plain_;
  World fast_;
  std::vector<Player> plain_players_;
  std::vector<Player> fast_players_;
};

TEST(LeasesProperty, AFastLaneChangesNoVerdict) {
  std::uint64_t forwarded = 0;
  for (std::uint64_t seed = 1; seed <= 20 && !testing::Test::HasFailure(); ++seed) {
    Twins twins(seed);
    for (int i = 0; i < 800; ++i)
      twins.step();
    forwarded += twins.forwarded;
    EXPECT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(forwarded, 8'000u);
}

}  // namespace
}  // namespace lanrage::relay
