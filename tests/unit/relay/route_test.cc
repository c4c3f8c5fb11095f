// Routes that a client tells, in place of a handshake that the relay saw.
#include <gtest/gtest.h>

#include "relay/bind_messages.hpp"
#include "relay_world.hpp"

namespace lanrage::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Routes : testing::Test {
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");

  void tell(Player& from, std::vector<Route> routes) {
    stun::Datagrams out;
    from.bind->set_routes(world.now, routes, out);
    world.exchange(from, out);
  }
  // Lets time pass for one client alone.
  void run(Player& player, Duration duration) {
    for (Instant end = world.now + duration; world.now < end;) {
      auto next = player.bind->next_timeout();
      world.now = next ? std::clamp(*next, world.now, end) : end;
      stun::Datagrams out;
      player.bind->on_timeout(world.now, out);
      world.exchange(player, out);
    }
  }
};

// Requests that a BindClient wouldn't make.
struct Handmade {
  World& world;
  const Player& sender;
  Bytes nonce;
  std::uint64_t boot_id = 0;

  Handmade(World& of, const Player& from) : world(of), sender(from) {
    Bytes ask = stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request, {{1}})
                    .attribute(stun::Attribute::relay_token, Bytes(200))
                    .fingerprint();
    Verdict verdict = world.send(sender.endpoint, ask);
    auto message = stun::MessageView::parse(verdict.reply);
    ByteView value = *message->find(stun::Attribute::nonce);
    nonce.assign(value.begin(), value.end());
    boot_id = ByteReader(*message->find(stun::Attribute::boot_id)).u64();
  }
  Bytes request(ByteView routes, const crypto::SigningKey& key, const RelayId& relay = kRelayId) {
    auto statement = route_statement(routes, relay, boot_id, nonce, sender.endpoint);
    return stun::MessageBuilder(stun::Method::route_relay, stun::Class::request, {{2}})
        .attribute(stun::Attribute::nonce, nonce)
        .attribute(stun::Attribute::relay_routes, routes)
        .attribute(stun::Attribute::bind_signature, key.sign(statement))
        .fingerprint();
  }
  int code(const Bytes& bytes) {
    Verdict verdict = world.send(sender.endpoint, bytes);
    EXPECT_EQ(verdict.kind, Verdict::Kind::reply) << name_of(verdict.reason);
    auto message = stun::MessageView::parse(verdict.reply);
    return message->message_class() == stun::Class::success ? 0 : message->error_code()->code;
  }
};

TEST_F(Routes, DataGoesWithoutAHandshake) {
  expect_drop(world.send(a.endpoint, data(7)), DropReason::no_session);
  tell(a, {{b.mac1_key, 7}});
  EXPECT_TRUE(a.bind->routed({b.mac1_key, 7}));
  expect_forward(world.send(a.endpoint, data(7)), b.endpoint);
  // For the teller's own packets only.
  expect_drop(world.send(b.endpoint, data(7)), DropReason::no_session);
  expect_drop(world.send(a.endpoint, data(8)), DropReason::no_session);
  EXPECT_EQ(world.relay->counters().routes, 1u);
}

TEST_F(Routes, EndAfterASessionsLife) {
  tell(a, {{b.mac1_key, 7}});
  world.now += seconds(199);
  expect_forward(world.send(a.endpoint, data(7)), b.endpoint);
  world.now += seconds(2);
  expect_drop(world.send(a.endpoint, data(7)), DropReason::no_session);
}

TEST_F(Routes, ManyGoInMessagesOfEightAndOnlyNewOnesAreTold) {
  std::vector<Route> routes;
  for (std::uint32_t i = 1; i <= 20; ++i)
    routes.push_back({b.mac1_key, i});
  tell(a, routes);
  EXPECT_EQ(world.relay->counters().routes, 20u);
  routes.push_back({b.mac1_key, 21});
  tell(a, routes);
  EXPECT_EQ(world.relay->counters().routes, 21u);
  for (std::uint32_t i = 1; i <= 21; ++i)
    expect_forward(world.send(a.endpoint, data(i)), b.endpoint);
}

TEST_F(Routes, StayInsideTheGroup) {
  Player stranger = world.bound(2, "198.51.100.3:1000");
  tell(a, {{stranger.mac1_key, 7}, {a.mac1_key, 8}, {b.mac1_key, 9}});
  expect_drop(world.send(a.endpoint, data(7)), DropReason::no_session);
  expect_drop(world.send(a.endpoint, data(8)), DropReason::no_session);
  expect_forward(world.send(a.endpoint, data(9)), b.endpoint);
  EXPECT_FALSE(a.bind->routed({stranger.mac1_key, 7}));
  EXPECT_TRUE(a.bind->routed({b.mac1_key, 9}));
}

TEST_F(Routes, AreToldAgainUntilTheReceiverIsBound) {
  Player late = world.player(1, "198.51.100.4:1000");
  tell(a, {{late.mac1_key, 7}});
  EXPECT_FALSE(a.bind->routed({late.mac1_key, 7}));
  stun::Datagrams out;
  late.bind->start(world.now, out);
  world.exchange(late, out);
  run(a, seconds(1));
  EXPECT_TRUE(a.bind->routed({late.mac1_key, 7}));
  expect_forward(world.send(a.endpoint, data(7)), late.endpoint);
}

TEST_F(Routes, RefusedOnesAreAskedForLessAndLessOften) {
  tell(a, {{{1, 2, 3}, 7}});
  run(a, seconds(60));
  EXPECT_GE(world.relay->counters().route_refusals, 7u);
  EXPECT_LE(world.relay->counters().route_refusals, 12u);
}

TEST_F(Routes, ARestartedRelayHearsThemWithTheBind) {
  tell(a, {{b.mac1_key, 7}});
  tell(b, {{a.mac1_key, 9}});
  world.restart();
  Verdict notice = world.send(a.endpoint, data(7));
  ASSERT_EQ(notice.kind, Verdict::Kind::reply);
  Bytes bytes(notice.reply.begin(), notice.reply.end());
  for (Player* player : {&a, &b}) {
    stun::Datagrams out;
    player->bind->on_datagram(world.now, kRelayEndpoint, *stun::MessageView::parse(bytes), out);
    world.exchange(*player, out);
  }
  run(a, milliseconds(300));
  expect_forward(world.send(a.endpoint, data(7)), b.endpoint);
  expect_forward(world.send(b.endpoint, data(9)), a.endpoint);
}

TEST_F(Routes, OfAnUnboundSourceGetANotice) {
  Player stranger = world.player(1, "198.51.100.9:1000");
  Handmade made(world, stranger);
  Verdict verdict = world.send(
      stranger.endpoint,
      made.request(encode_routes(std::vector<Route>{{b.mac1_key, 7}}), stranger.bind_key));
  ASSERT_EQ(verdict.kind, Verdict::Kind::reply);
  EXPECT_EQ(verdict.reply.size(), kNoticeSize);
}

TEST_F(Routes, NeedTheBindKeysSignatureForThisRelayAndAFreshNonce) {
  const Bytes routes = encode_routes(std::vector<Route>{{b.mac1_key, 7}});
  Handmade made(world, a);
  EXPECT_EQ(made.code(made.request(routes, b.bind_key)), kRefused);
  EXPECT_EQ(made.code(made.request(routes, a.bind_key, RelayId{{1}})), kRefused);
  Bytes unsigned_one = stun::MessageBuilder(stun::Method::route_relay, stun::Class::request, {{2}})
                           .attribute(stun::Attribute::nonce, made.nonce)
                           .attribute(stun::Attribute::relay_routes, routes)
                           .fingerprint();
  EXPECT_EQ(made.code(unsigned_one), kRefused);
  EXPECT_EQ(world.relay->counters().route_refusals, 3u);
  world.now += seconds(61);
  EXPECT_EQ(made.code(made.request(routes, a.bind_key)), kStaleNonce);
  expect_drop(world.send(a.endpoint, data(7)), DropReason::no_session);
}

TEST_F(Routes, MalformedOnesAreNotTaken) {
  Bytes nine = encode_routes(std::vector<Route>(kMaxRoutesAMessage + 1, Route{b.mac1_key, 7}));
  Bytes cut = encode_routes(std::vector<Route>{{b.mac1_key, 7}});
  cut.pop_back();
  for (const Bytes& routes : {nine, cut, Bytes{}}) {
    EXPECT_FALSE(decode_routes(routes));
    Handmade made(world, a);
    EXPECT_EQ(made.code(made.request(routes, a.bind_key)), 0);
    expect_drop(world.send(a.endpoint, data(7)), DropReason::no_session);
  }
}

TEST_F(Routes, AnIndexInUseTowardSomebodyElseIsLeftAlone) {
  Player c = world.bound(1, "198.51.100.3:1000");
  tell(a, {{b.mac1_key, 7}});
  tell(a, {{c.mac1_key, 7}});
  EXPECT_FALSE(a.bind->routed({c.mac1_key, 7}));
  expect_forward(world.send(a.endpoint, data(7)), b.endpoint);
}

TEST_F(Routes, AStaleNonceLeadsToABindAndThenToTheRoutes) {
  world.now += seconds(100);  // no renewal in between: the machine slept
  tell(a, {{b.mac1_key, 7}});
  run(a, milliseconds(300));
  EXPECT_TRUE(a.bind->routed({b.mac1_key, 7}));
}

TEST(RouteLimits, RowsAndRateOfAClient) {
  const auto tell = [](World& world, Player& from, const Player& to, std::uint32_t count) {
    std::vector<Route> routes;
    for (std::uint32_t i = 1; i <= count; ++i)
      routes.push_back({to.mac1_key, i});
    stun::Datagrams out;
    from.bind->set_routes(world.now, routes, out);
    world.exchange(from, out);
  };
  {
    World world({.rows_a_client = 3});
    Player a = world.bound(1, "198.51.100.1:1000");
    Player b = world.bound(1, "198.51.100.2:1000");
    tell(world, a, b, 5);
    EXPECT_EQ(world.relay->counters().routes, 3u);
    EXPECT_EQ(world.relay->sessions(), 3u);
  }
  World world({.routes_a_client = {1, 4}});
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  tell(world, a, b, 8);
  EXPECT_EQ(world.relay->counters().routes, 4u);
  EXPECT_EQ(Limits{}.routes_a_client.per_second, 32u);
  EXPECT_EQ(Limits{}.routes_a_client.burst, 256u);
}

}  // namespace
}  // namespace lanrage::relay
