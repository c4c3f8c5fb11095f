// Each number in Limits.
#include <gtest/gtest.h>

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
  expect_drop(world.send(b.endpoint, data(1, 1000)), DropReason::group_rate);
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
  expect_drop(world.send(b.endpoint, data(4, 1000)), DropReason::address_rate);
  expect_forward(world.send(c.endpoint, data(1, 1000)), a.endpoint);
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
