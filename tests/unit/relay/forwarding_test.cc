#include <gtest/gtest.h>

#include "relay_world.hpp"

namespace lanrage::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Forwarding : testing::Test {
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  Player c = world.bound(1, "[2001:db8::3]:1000");
  Player stranger = world.bound(2, "198.51.100.4:1000");
};

TEST_F(Forwarding, InitiationFindsItsAddresseeByMac1) {
  expect_forward(world.send(a.endpoint, initiation(1, b.mac1_key)), b.endpoint);
  expect_forward(world.send(a.endpoint, initiation(2, c.mac1_key)), c.endpoint);
  expect_forward(world.send(b.endpoint, initiation(3, a.mac1_key)), a.endpoint);
}

TEST_F(Forwarding, InitiationToNobodyHere) {
  expect_drop(world.send(a.endpoint, initiation(1, stranger.mac1_key)), DropReason::no_member);
  expect_drop(world.send(a.endpoint, initiation(2, a.mac1_key)), DropReason::no_member);
  Bytes broken = initiation(3, b.mac1_key);
  broken[50] ^= 1;
  expect_drop(world.send(a.endpoint, broken), DropReason::no_member);
}

TEST_F(Forwarding, DataFollowsTheHandshakeBothWays) {
  expect_drop(world.send(a.endpoint, data(22)), DropReason::no_session);
  world.shake_hands(a, 11, b, 22);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  expect_forward(world.send(b.endpoint, data(11)), a.endpoint);
  expect_forward(world.send(b.endpoint, data(11, 32)), a.endpoint);  // keepalive
  EXPECT_EQ(world.relay->sessions(), 2u);
  EXPECT_EQ(world.relay->counters().forwarded_packets, 5u);
  EXPECT_EQ(world.relay->counters().forwarded_bytes, 148u + 92 + 128 + 128 + 32);
}

TEST_F(Forwarding, OthersCannotUseASession) {
  world.shake_hands(a, 11, b, 22);
  expect_drop(world.send(c.endpoint, data(22)), DropReason::no_session);
  expect_drop(world.send(stranger.endpoint, data(22)), DropReason::no_session);
  expect_drop(world.send(a.endpoint, data(11)), DropReason::no_session);
}

TEST_F(Forwarding, ResponseNeedsItsInitiation) {
  expect_drop(world.send(b.endpoint, response(22, 11, a.mac1_key)), DropReason::no_pending);
  world.send(a.endpoint, initiation(11, b.mac1_key));
  expect_drop(world.send(c.endpoint, response(22, 11, a.mac1_key)), DropReason::no_pending);
  expect_drop(world.send(b.endpoint, response(22, 12, a.mac1_key)), DropReason::no_pending);
  expect_drop(world.send(b.endpoint, response(22, 11, c.mac1_key)), DropReason::wrong_mac1);
  expect_forward(world.send(b.endpoint, response(22, 11, a.mac1_key)), a.endpoint);
  expect_drop(world.send(b.endpoint, response(23, 11, a.mac1_key)), DropReason::no_pending);
}

TEST_F(Forwarding, PendingInitiationsRunOutAfterFifteenSeconds) {
  world.send(a.endpoint, initiation(11, b.mac1_key));
  world.now += seconds(15);
  expect_drop(world.send(b.endpoint, response(22, 11, a.mac1_key)), DropReason::no_pending);
}

TEST_F(Forwarding, FourInitiationsWaitForAPair) {
  for (std::uint32_t index = 1; index <= 5; ++index) {
    expect_forward(world.send(a.endpoint, initiation(index, b.mac1_key)), b.endpoint);
    world.now += seconds(1);
  }
  expect_drop(world.send(b.endpoint, response(50, 1, a.mac1_key)), DropReason::no_pending);
  for (std::uint32_t index = 2; index <= 5; ++index)
    expect_forward(world.send(b.endpoint, response(50 + index, index, a.mac1_key)), a.endpoint);
}

TEST_F(Forwarding, CookieOnlyForAPendingInitiationOrASession) {
  expect_drop(world.send(b.endpoint, cookie(11)), DropReason::no_pending);
  world.send(a.endpoint, initiation(11, b.mac1_key));
  expect_forward(world.send(b.endpoint, cookie(11)), a.endpoint);
  expect_drop(world.send(c.endpoint, cookie(11)), DropReason::no_pending);
  expect_forward(world.send(b.endpoint, response(22, 11, a.mac1_key)), a.endpoint);
  expect_forward(world.send(a.endpoint, cookie(22)), b.endpoint);
}

TEST_F(Forwarding, SessionsEndAfterTwoHundredSeconds) {
  world.shake_hands(a, 11, b, 22);
  world.now += seconds(200) - milliseconds(1);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  world.now += milliseconds(1);
  expect_drop(world.send(a.endpoint, data(22)), DropReason::no_session);
  expect_drop(world.send(b.endpoint, data(11)), DropReason::no_session);
  world.relay->on_timeout(world.now);
  EXPECT_EQ(world.relay->sessions(), 0u);
}

TEST_F(Forwarding, OldSessionLivesOnBesideTheRekeyedOne) {
  world.shake_hands(a, 11, b, 22);
  world.now += seconds(120);
  world.shake_hands(b, 33, a, 44);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  expect_forward(world.send(a.endpoint, data(33)), b.endpoint);
  world.now += seconds(81);
  world.relay->on_timeout(world.now);
  expect_drop(world.send(a.endpoint, data(22)), DropReason::no_session);
  expect_forward(world.send(a.endpoint, data(33)), b.endpoint);
  EXPECT_EQ(world.relay->sessions(), 2u);
}

TEST_F(Forwarding, SameIndexFromTwoSourcesIsTwoSessions) {
  world.shake_hands(a, 11, b, 22);
  world.shake_hands(c, 12, b, 22 + 1);
  world.shake_hands(c, 13, a, 22);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  expect_forward(world.send(c.endpoint, data(22)), a.endpoint);
}

TEST_F(Forwarding, CollidingIndexStaysWithTheFirst) {
  world.shake_hands(a, 11, b, 22);
  // c answers a with the index by which a already sends to b.
  expect_forward(world.send(a.endpoint, initiation(12, c.mac1_key)), c.endpoint);
  expect_drop(world.send(c.endpoint, response(22, 12, a.mac1_key)), DropReason::index_collision);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  expect_drop(world.send(c.endpoint, data(12)), DropReason::no_session);
  // WireGuard tries again with other indexes.
  world.now += seconds(5);
  world.shake_hands(a, 13, c, 24);
  expect_forward(world.send(a.endpoint, data(24)), c.endpoint);
}

TEST_F(Forwarding, CollidingPendingIndexStaysWithTheFirst) {
  expect_forward(world.send(a.endpoint, initiation(11, b.mac1_key)), b.endpoint);
  expect_drop(world.send(c.endpoint, initiation(11, b.mac1_key)), DropReason::index_collision);
  expect_forward(world.send(b.endpoint, response(22, 11, a.mac1_key)), a.endpoint);
}

TEST_F(Forwarding, RepeatedHandshakePacketsDoNoHarm) {
  Bytes first = initiation(11, b.mac1_key);
  expect_forward(world.send(a.endpoint, first), b.endpoint);
  expect_forward(world.send(a.endpoint, first), b.endpoint);
  expect_forward(world.send(b.endpoint, response(22, 11, a.mac1_key)), a.endpoint);
  world.send(a.endpoint, first);
  expect_forward(world.send(b.endpoint, response(22, 11, a.mac1_key)), a.endpoint);
  EXPECT_EQ(world.relay->sessions(), 2u);
}

TEST_F(Forwarding, NothingGoesToAClientThatLeft) {
  world.shake_hands(a, 11, b, 22);
  world.now += seconds(190);
  stun::Datagrams out;
  a.bind->start(world.now, out);
  world.exchange(a, out);
  world.shake_hands(a, 12, b, 23);
  world.now += seconds(111);  // b last bound 301 s ago
  world.relay->on_timeout(world.now);
  expect_drop(world.send(a.endpoint, data(23)), DropReason::receiver_gone);
  // Its slot's next tenant gets nothing of it either.
  Player next = world.bound(3, "198.51.100.77:1000");
  expect_drop(world.send(a.endpoint, data(23)), DropReason::receiver_gone);
  expect_drop(world.send(next.endpoint, data(12)), DropReason::no_session);
}

TEST_F(Forwarding, AddressTakenOverByAnotherClient) {
  world.shake_hands(a, 11, b, 22);
  Player next = world.bound(2, b.endpoint.to_string());  // the NAT gave the port to somebody else
  expect_drop(world.send(a.endpoint, data(22)), DropReason::receiver_gone);
  expect_drop(world.send(next.endpoint, data(11)), DropReason::no_session);
}

TEST_F(Forwarding, UnboundSourceGetsOneSmallNoticeASecond) {
  Endpoint unknown = *Endpoint::parse("192.0.2.9:9");
  for (Bytes packet : {data(1, 32), initiation(1, a.mac1_key), cookie(1)}) {
    Verdict verdict = world.send(unknown, packet);
    ASSERT_EQ(verdict.kind, Verdict::Kind::reply);
    EXPECT_EQ(verdict.to, unknown);
    EXPECT_LE(verdict.reply.size(), 28u);
    auto message = stun::MessageView::parse(verdict.reply);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->is(stun::Method::bind_relay, stun::Class::indication));
    expect_drop(world.send(unknown, packet), DropReason::unbound);
    world.now += seconds(1);
  }
  EXPECT_EQ(world.relay->counters().notices, 3u);
}

TEST_F(Forwarding, GarbageIsDroppedSilently) {
  for (const Endpoint& from : {a.endpoint, *Endpoint::parse("192.0.2.9:9")}) {
    expect_drop(world.send(from, {}), DropReason::not_for_us);
    expect_drop(world.send(from, Bytes(148)), DropReason::not_for_us);
    expect_drop(world.send(from, Bytes(1500, 0xFF)), DropReason::not_for_us);
    expect_drop(world.send(from, data(1, 31)), DropReason::not_for_us);
    Bytes cut = initiation(1, b.mac1_key);
    cut.pop_back();
    expect_drop(world.send(from, cut), DropReason::not_for_us);
    Bytes bad = stun::binding_request({{1}});
    bad.back() ^= 1;
    expect_drop(world.send(from, bad), DropReason::stun_malformed);
    expect_drop(
        world.send(
            from,
            stun::MessageBuilder(stun::Method::binding, stun::Class::success, {{1}}).fingerprint()),
        DropReason::not_for_us);
  }
}

TEST_F(Forwarding, PlainBindingsAreAnsweredWithoutAmplification) {
  Verdict verdict = world.send(a.endpoint, stun::binding_request({{5}}));
  ASSERT_EQ(verdict.kind, Verdict::Kind::reply);
  EXPECT_EQ(stun::MessageView::parse(verdict.reply)->mapped_address(), a.endpoint);
  verdict = world.send(c.endpoint, stun::binding_request({{5}}));  // IPv6
  ASSERT_EQ(verdict.kind, Verdict::Kind::reply);
  Bytes bare = stun::MessageBuilder(stun::Method::binding, stun::Class::request, {}).fingerprint();
  expect_drop(world.send(a.endpoint, bare), DropReason::would_amplify);
}

}  // namespace
}  // namespace lanrage::relay
