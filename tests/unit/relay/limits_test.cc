// Each number in Limits.
#include <gtest/gtest.h>
#include <set>

#include "relay_world.hpp"

namespace lanrage::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

BindClient::Trouble try_bind(World& world, std::uint64_t group, const std::string& endpoint) {
  Player player = world.player(group, endpoint);
  stun::Datagrams out;
  player.bind->start(world.now, out);
  world.exchange(player, out);
  return player.bind->bound() ? BindClient::Trouble::none : player.bind->trouble();
}

TEST(RelayLimits, Defaults) {
  Limits limits;
  EXPECT_EQ(limits.clients, 10'000u);
  EXPECT_EQ(limits.rows_a_client, 256u);
  EXPECT_EQ(limits.pending_a_pair, 4u);
  EXPECT_EQ(limits.client_lifetime, std::chrono::minutes(5));
  EXPECT_EQ(limits.session_lifetime, seconds(200));
  EXPECT_EQ(limits.pending_lifetime, seconds(15));
  EXPECT_EQ(limits.notice_spacing, seconds(1));
  // Packets of the usual size are limited by bytes, not by their number.
  for (const auto& [bytes, packets] : {std::pair(limits.client_bytes, limits.client_packets),
                                       std::pair(limits.address_bytes, limits.address_packets),
                                       std::pair(limits.group_bytes, limits.group_packets)}) {
    EXPECT_GE(packets.per_second, bytes.per_second / 1420);
    EXPECT_GE(packets.burst, bytes.burst / 1420);
  }
}

TEST(RelayLimits, EveryReasonHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i < static_cast<int>(DropReason::count); ++i)
    EXPECT_TRUE(names.insert(name_of(static_cast<DropReason>(i))).second) << i;
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(RelayLimits, Clients) {
  World world({.clients = 3});
  for (int i = 1; i <= 3; ++i)
    world.bound(1, "198.51.100." + std::to_string(i) + ":1000");
  EXPECT_EQ(try_bind(world, 1, "198.51.100.4:1000"), BindClient::Trouble::full);
  world.now += std::chrono::minutes(6);
  world.relay->on_timeout(world.now);
  EXPECT_EQ(try_bind(world, 1, "198.51.100.4:1000"), BindClient::Trouble::none);
}

TEST(RelayLimits, ClientsOfAGroup) {
  World world({.clients_a_group = 2});
  world.bound(1, "198.51.100.1:1000");
  world.bound(1, "198.51.100.2:1000");
  EXPECT_EQ(try_bind(world, 1, "198.51.100.3:1000"), BindClient::Trouble::full);
  EXPECT_EQ(try_bind(world, 2, "198.51.100.3:1000"), BindClient::Trouble::none);
}

TEST(RelayLimits, RowsOfAClient) {
  World world({.rows_a_client = 2, .initiations_a_pair = {100, 100}});
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  Player c = world.bound(1, "198.51.100.3:1000");
  world.shake_hands(a, 1, b, 101);
  world.shake_hands(a, 2, b, 102);
  world.send(a.endpoint, initiation(3, c.mac1_key));
  expect_drop(world.send(c.endpoint, response(103, 3, a.mac1_key)), DropReason::rows_full);
  EXPECT_EQ(world.relay->sessions(), 4u) << "no half of a session is kept";
  world.now += seconds(200);
  world.relay->on_timeout(world.now);
  world.shake_hands(a, 4, c, 104);
}

TEST(RelayLimits, Pairs) {
  World world({.pairs = 1});
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  expect_forward(world.send(a.endpoint, initiation(1, b.mac1_key)), b.endpoint);
  expect_drop(world.send(b.endpoint, initiation(2, a.mac1_key)), DropReason::pairs_full);
  world.now += seconds(61);
  world.relay->on_timeout(world.now);
  expect_forward(world.send(b.endpoint, initiation(2, a.mac1_key)), a.endpoint);
}

TEST(RelayLimits, InitiationsOfAPair) {
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  Player c = world.bound(1, "198.51.100.3:1000");
  for (std::uint32_t i = 1; i <= 4; ++i)
    expect_forward(world.send(a.endpoint, initiation(i, b.mac1_key)), b.endpoint);
  expect_drop(world.send(a.endpoint, initiation(5, b.mac1_key)), DropReason::initiation_rate);
  expect_forward(world.send(c.endpoint, initiation(6, b.mac1_key)), b.endpoint);
  world.now += seconds(1);
  expect_forward(world.send(a.endpoint, initiation(7, b.mac1_key)), b.endpoint);
  expect_drop(world.send(a.endpoint, initiation(8, b.mac1_key)), DropReason::initiation_rate);
}

TEST(RelayLimits, InitiationsOfAClientBeforeTheSearch) {
  World world({.initiations_a_client = {1, 3}});
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  for (std::uint32_t i = 0; i < 3; ++i)
    expect_drop(world.send(a.endpoint, initiation(i, a.mac1_key)), DropReason::no_member);
  expect_drop(world.send(a.endpoint, initiation(9, b.mac1_key)), DropReason::initiation_rate);
}

void fill(World& world, const Player& from, std::uint32_t index, std::uint64_t bytes) {
  for (std::uint64_t sent = 0; sent < bytes; sent += 1000)
    world.send(from.endpoint, data(index, 1000));
}

TEST(RelayLimits, BytesOfAClient) {
  World world({.client_bytes = {10'000, 5'000}});
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  world.shake_hands(a, 1, b, 2);
  world.now += seconds(10);
  fill(world, a, 2, 5'000);
  expect_drop(world.send(a.endpoint, data(2, 1000)), DropReason::client_rate);
  expect_forward(world.send(b.endpoint, data(1, 1000)), a.endpoint);
  world.now += milliseconds(101);
  expect_forward(world.send(a.endpoint, data(2, 1000)), b.endpoint);
}

TEST(RelayLimits, BytesOfAGroup) {
  World world({.group_bytes = {10'000, 5'000}});
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  Player x = world.bound(2, "198.51.100.3:1000");
  Player y = world.bound(2, "198.51.100.4:1000");
  world.shake_hands(a, 1, b, 2);
  world.shake_hands(x, 3, y, 4);
  world.now += seconds(10);
  fill(world, a, 2, 5'000);
  fill(world, a, 2, 2'000);  // of its own share, a half
  expect_drop(world.send(a.endpoint, data(2, 1000)), DropReason::group_rate);
  expect_forward(world.send(b.endpoint, data(1, 1000)), a.endpoint);
  expect_forward(world.send(x.endpoint, data(4, 1000)), y.endpoint);
}

TEST(RelayLimits, BytesOfAnAddress) {
  World world({.address_bytes = {10'000, 5'000}});
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.1:2000");
  Player c = world.bound(1, "198.51.100.2:1000");
  world.shake_hands(a, 1, c, 2);
  world.now += seconds(1);
  world.shake_hands(b, 3, c, 4);
  world.now += seconds(10);
  fill(world, a, 2, 5'000);
  fill(world, a, 2, 2'000);  // of its own share, a half
  expect_drop(world.send(a.endpoint, data(2, 1000)), DropReason::address_rate);
  expect_forward(world.send(b.endpoint, data(4, 1000)), c.endpoint);
  expect_forward(world.send(c.endpoint, data(1, 1000)), a.endpoint);
}

// Two behind one address, and one elsewhere, all of one party.
struct PacketLimits : testing::Test {
  void start(const Limits& limits) {
    world = std::make_unique<World>(limits);
    for (const char* at : {"198.51.100.1:1000", "198.51.100.1:2000", "198.51.100.2:1000"})
      players.push_back(world->bound(1, at));
    world->shake_hands(players[0], 1, players[2], 2);
    world->shake_hands(players[1], 3, players[2], 4);
    world->now += seconds(10);
  }
  // How many of the smallest packets the first gets through at once.
  int burst(DropReason then) {
    int through = 0;
    Verdict verdict;
    while ((verdict = world->send(players[0].endpoint, data(2, 32))).kind == Verdict::Kind::forward)
      ++through;
    expect_drop(verdict, then);
    return through;
  }
  std::unique_ptr<World> world;
  std::vector<Player> players;
};

TEST_F(PacketLimits, OfAClient) {
  start({.client_packets = {100, 50}});
  EXPECT_EQ(burst(DropReason::client_packet_rate), 50);
  expect_forward(world->send(players[2].endpoint, data(1)), players[0].endpoint);
  world->now += milliseconds(10);
  EXPECT_EQ(burst(DropReason::client_packet_rate), 1);
}

TEST_F(PacketLimits, OfAnAddress) {
  start({.address_packets = {100, 50}});
  EXPECT_EQ(burst(DropReason::address_packet_rate), 50 + 25) << "its share beside";
  expect_forward(world->send(players[1].endpoint, data(4)), players[2].endpoint);
}

TEST_F(PacketLimits, OfAGroup) {
  start({.group_packets = {100, 30}});
  EXPECT_EQ(burst(DropReason::group_packet_rate), 30 + 10) << "its share beside";
  expect_forward(world->send(players[1].endpoint, data(4)), players[2].endpoint);
}

TEST_F(PacketLimits, WhatIsDroppedForOneLimitIsChargedToNone) {
  start({.address_packets = {1'000, 1'000}, .group_packets = {1, 30}});
  EXPECT_EQ(burst(DropReason::group_packet_rate), 40);
  for (int i = 0; i < 10'000; ++i)
    expect_drop(world->send(players[0].endpoint, data(2)), DropReason::group_packet_rate);
  Player elsewhere = world->bound(2, "198.51.100.1:3000");
  Player other = world->bound(2, "198.51.100.9:1000");
  world->shake_hands(elsewhere, 5, other, 6);
  expect_forward(world->send(elsewhere.endpoint, data(6)), other.endpoint);
}

TEST(InitiationLimits, OfAnAddressAndOfAGroupBeforeTheSearch) {
  for (const bool of_group : {false, true}) {
    Limits limits;
    limits.initiations_a_pair = limits.initiations_a_client = {1'000, 1'000};
    (of_group ? limits.initiations_a_group : limits.initiations_an_address) = {1, 12};
    World world(limits);
    Player a = world.bound(1, "198.51.100.1:1000");
    Player b = world.bound(1, "198.51.100.1:2000");
    Player stranger = world.bound(2, "198.51.100.3:1000");
    for (std::uint32_t i = 0; i < 12 + 6; ++i)  // all, and its share of one half
      expect_drop(world.send(a.endpoint, initiation(i, stranger.mac1_key)), DropReason::no_member);
    expect_drop(world.send(a.endpoint, initiation(99, b.mac1_key)),
                of_group ? DropReason::group_initiation_rate : DropReason::address_initiation_rate);
    expect_forward(world.send(b.endpoint, initiation(1, a.mac1_key)), a.endpoint);
  }
}

TEST(RelayLimits, StunOfAnAddress) {
  World world({.stun_an_address = {1, 3}});
  Endpoint one = *Endpoint::parse("198.51.100.1:1000");
  Endpoint same_host = *Endpoint::parse("198.51.100.1:1001");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(world.send(one, stun::binding_request({{1}})).kind, Verdict::Kind::reply);
  expect_drop(world.send(same_host, stun::binding_request({{1}})), DropReason::stun_rate);
}

TEST(RelayLimits, ForgedQuestionsDontKeepAClientFromRenewing) {
  World world({.stun_an_address = {1, 3}});
  Player a = world.bound(1, "198.51.100.1:1000");
  for (int i = 0; i < 100; ++i) {
    world.send(a.endpoint, stun::binding_request({{1}}));  // from a forged address
    world.send({a.endpoint.address, 7}, stun::binding_request({{1}}));
  }
  stun::Datagrams out;
  a.bind->start(world.now, out);
  EXPECT_EQ(world.send(a.endpoint, out[0].bytes).kind, Verdict::Kind::reply);
  EXPECT_EQ(world.relay->counters().binds, 2u);
}

TEST(RelayLimits, SignaturesCheckedForAnAddress) {
  World world({.verify_an_address = {1, 2}});
  Player a = world.bound(1, "198.51.100.1:1000");
  stun::Datagrams out;
  a.bind->start(world.now, out);
  world.exchange(a, out);
  out.clear();
  a.bind->start(world.now, out);
  expect_drop(world.send(a.endpoint, out[0].bytes), DropReason::stun_rate);
}

}  // namespace
}  // namespace lanrage::relay
