#include <gtest/gtest.h>

#include "relay/bind_messages.hpp"
#include "relay_world.hpp"

namespace lanrage::relay {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Answers that a client gets to a request of its own making.
int code_of(const Verdict& verdict) {
  EXPECT_EQ(verdict.kind, Verdict::Kind::reply) << name_of(verdict.reason);
  auto message = stun::MessageView::parse(verdict.reply);
  if (!message || message->message_class() == stun::Class::success) return 0;
  return message->error_code()->code;
}

struct Challenge {
  Bytes nonce;
  std::uint64_t boot_id = 0;
};
Challenge challenge(World& world, const Player& player, const Bytes& token) {
  Bytes request = stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request, {{1}})
                      .attribute(stun::Attribute::relay_token, token)
                      .fingerprint();
  Verdict verdict = world.send(player.endpoint, request);
  EXPECT_EQ(code_of(verdict), kChallenge);
  auto message = stun::MessageView::parse(verdict.reply);
  ByteView nonce = *message->find(stun::Attribute::nonce);
  return {Bytes(nonce.begin(), nonce.end()),
          ByteReader(*message->find(stun::Attribute::boot_id)).u64()};
}
Bytes bind_request(const Bytes& token, const Challenge& given, const crypto::SigningKey& key,
                   const Endpoint& observed, const RelayId& relay = kRelayId) {
  Bytes statement = bind_statement(token, relay, given.boot_id, given.nonce, observed);
  return stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request, {{2}})
      .attribute(stun::Attribute::relay_token, token)
      .attribute(stun::Attribute::nonce, given.nonce)
      .attribute(stun::Attribute::bind_signature, key.sign(statement))
      .fingerprint();
}

TEST(Bind, ChallengeThenSuccess) {
  World world;
  Player player = world.player(1, "198.51.100.1:1000");
  stun::Datagrams out;
  player.bind->start(world.now, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_LE(out[0].bytes.size(), stun::kMaxMessageSize);
  world.exchange(player, out);
  EXPECT_TRUE(player.bind->bound());
  EXPECT_EQ(player.bind->observed(), player.endpoint);
  EXPECT_EQ(player.bind->take_rtt(), 2 * world.one_way);
  EXPECT_FALSE(player.bind->take_rtt());
  EXPECT_EQ(player.bind->generation(), 1u);
  EXPECT_EQ(world.relay->clients(), 1u);
  EXPECT_EQ(world.relay->counters().challenges, 1u);
  EXPECT_EQ(world.relay->counters().binds, 1u);
}

TEST(Bind, WorksOverIPv6) {
  World world;
  EXPECT_EQ(world.bound(1, "[2001:db8::1]:1000").bind->observed()->to_string(),
            "[2001:db8::1]:1000");
}

TEST(Bind, RenewsInOneRoundTripWithinTwentySeconds) {
  World world;
  Player player = world.bound(1, "198.51.100.1:1000");
  for (int round = 0; round < 10; ++round) {
    auto next = player.bind->next_timeout();
    ASSERT_TRUE(next);
    EXPECT_GE(*next - world.now, seconds(15));
    EXPECT_LE(*next - world.now, seconds(20));
    world.now = *next;
    stun::Datagrams out;
    player.bind->on_timeout(world.now, out);
    world.exchange(player, out);
    EXPECT_TRUE(player.bind->bound());
  }
  EXPECT_EQ(world.relay->counters().challenges, 1u);
  EXPECT_EQ(world.relay->counters().binds, 11u);
  EXPECT_EQ(player.bind->generation(), 1u);
}

TEST(Bind, RestartedRelayIsNoticedAtOnce) {
  World world;
  Player player = world.bound(1, "198.51.100.1:1000");
  world.restart();
  Verdict notice = world.send(player.endpoint, data(5));
  ASSERT_EQ(notice.kind, Verdict::Kind::reply);
  EXPECT_LE(notice.reply.size(), 28u);
  stun::Datagrams out;
  Bytes bytes(notice.reply.begin(), notice.reply.end());
  EXPECT_TRUE(
      player.bind->on_datagram(world.now, kRelayEndpoint, *stun::MessageView::parse(bytes), out));
  EXPECT_TRUE(player.bind->bound()) << "a notice, which anybody can forge, ends no bind";
  world.exchange(player, out);
  EXPECT_TRUE(player.bind->bound());
  EXPECT_EQ(player.bind->generation(), 2u);
  EXPECT_EQ(world.relay->clients(), 1u);
}

TEST(Bind, ForgedNoticesCauseOneBindASecond) {
  World world;
  Player player = world.bound(1, "198.51.100.1:1000");
  Bytes notice =
      stun::MessageBuilder(stun::Method::bind_relay, stun::Class::indication, {}).fingerprint();
  auto message = *stun::MessageView::parse(notice);
  int requests = 0;
  for (int ms = 0; ms < 3000; ms += 10) {
    stun::Datagrams out;
    player.bind->on_datagram(world.now += milliseconds(10), kRelayEndpoint, message, out);
    requests += static_cast<int>(out.size());
    if (!out.empty()) world.exchange(player, out);
  }
  EXPECT_LE(requests, 4);
  stun::Datagrams out;
  EXPECT_FALSE(player.bind->on_datagram(world.now + hours(1), *Endpoint::parse("192.0.2.6:6"),
                                        message, out));
  EXPECT_TRUE(out.empty());
}

TEST(Bind, AddressChangeKeepsSlotAndSessions) {
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  world.shake_hands(a, 11, b, 22);
  a.endpoint = *Endpoint::parse("192.0.2.50:6000");
  expect_forward(world.send(b.endpoint, data(11)), *Endpoint::parse("198.51.100.1:1000"));
  stun::Datagrams out;
  a.bind->start(world.now, out);  // the old nonce is for the old address: stale, then accepted
  world.exchange(a, out);
  EXPECT_EQ(a.bind->observed(), a.endpoint);
  EXPECT_EQ(a.bind->generation(), 1u);
  expect_forward(world.send(b.endpoint, data(11)), a.endpoint);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  EXPECT_EQ(world.send(*Endpoint::parse("198.51.100.1:1000"), data(22)).kind,
            Verdict::Kind::reply);  // unbound now
}

TEST(Bind, NeverRoamsOnUnauthenticatedPackets) {
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  world.shake_hands(a, 11, b, 22);
  Endpoint elsewhere = *Endpoint::parse("192.0.2.66:666");
  world.send(elsewhere, data(22));
  world.send(elsewhere, initiation(12, b.mac1_key));
  expect_forward(world.send(b.endpoint, data(11)), a.endpoint);
}

TEST(Bind, SniffedRequestIsUselessElsewhereAndLater) {
  World world;
  Player player = world.player(1, "198.51.100.1:1000");
  Bytes token = world.token_for(player, 1, world.unix_now() + kTokenLifetime);
  Challenge given = challenge(world, player, token);
  Bytes request = bind_request(token, given, player.bind_key, player.endpoint);
  EXPECT_EQ(code_of(world.send(*Endpoint::parse("192.0.2.66:666"), request)), kStaleNonce);
  EXPECT_EQ(code_of(world.send(player.endpoint, request)), 0);
  world.now += seconds(61);
  EXPECT_EQ(code_of(world.send(player.endpoint, request)), kStaleNonce);
  world.restart();
  EXPECT_EQ(code_of(world.send(player.endpoint, request)), kStaleNonce);
}

TEST(Bind, ReplayCannotPullAClientBackToItsOldAddress) {
  World world;
  Player player = world.player(1, "198.51.100.1:1000");
  Endpoint old_home = player.endpoint;
  Bytes token = world.token_for(player, 1, world.unix_now() + kTokenLifetime);
  Bytes old_request =
      bind_request(token, challenge(world, player, token), player.bind_key, old_home);
  EXPECT_EQ(code_of(world.send(old_home, old_request)), 0);
  world.now += seconds(2);
  player.endpoint = *Endpoint::parse("192.0.2.50:6000");
  Bytes request =
      bind_request(token, challenge(world, player, token), player.bind_key, player.endpoint);
  EXPECT_EQ(code_of(world.send(player.endpoint, request)), 0);
  EXPECT_EQ(code_of(world.send(old_home, old_request)), kStaleNonce);
}

TEST(Bind, EveryPartOfTheStatementIsChecked) {
  World world;
  Player player = world.player(1, "198.51.100.1:1000");
  Bytes token = world.token_for(player, 1, world.unix_now() + kTokenLifetime);
  Bytes other_token = world.token_for(player, 2, world.unix_now() + kTokenLifetime);
  Challenge given = challenge(world, player, token);
  Endpoint at = player.endpoint;
  auto refused = [&](const Bytes& request) {
    EXPECT_EQ(code_of(world.send(at, request)), kRefused);
    EXPECT_EQ(world.relay->clients(), 0u);
  };
  refused(bind_request(token, given, crypto::SigningKey::generate(world.random), at));
  refused(bind_request(token, given, player.bind_key, *Endpoint::parse("198.51.100.1:1001")));
  refused(bind_request(token, given, player.bind_key, at, RelayId{{1}}));
  Challenge other_boot = given;
  other_boot.boot_id ^= 1;
  refused(bind_request(token, other_boot, player.bind_key, at));

  Bytes statement = bind_statement(token, kRelayId, given.boot_id, given.nonce, at);
  auto signature = player.bind_key.sign(statement);
  refused(stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request, {{2}})
              .attribute(stun::Attribute::relay_token, other_token)
              .attribute(stun::Attribute::nonce, given.nonce)
              .attribute(stun::Attribute::bind_signature, signature)
              .fingerprint());
  refused(stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request, {{2}})
              .attribute(stun::Attribute::relay_token, token)
              .attribute(stun::Attribute::nonce, given.nonce)
              .attribute(stun::Attribute::software, ByteArray<64>{})
              .fingerprint());
  EXPECT_EQ(code_of(world.send(at, bind_request(token, given, player.bind_key, at))), 0);
}

TEST(Bind, ForeignTokenIsRefused) {
  World world;
  Player player = world.player(1, "198.51.100.1:1000");
  auto stranger = crypto::SigningKey::generate(world.random);
  Bytes token =
      issue({1, player.mac1_key, player.bind_key.public_key(), world.unix_now() + kTokenLifetime},
            stranger);
  player.bind->set_token(world.now, token);
  stun::Datagrams out;
  player.bind->start(world.now, out);
  world.exchange(player, out);
  EXPECT_FALSE(player.bind->bound());
  EXPECT_EQ(player.bind->trouble(), BindClient::Trouble::refused);
  // Asked again in 5 s, not at once.
  EXPECT_EQ(player.bind->next_timeout(), world.now + kBindRetry);
}

TEST(Bind, OldTokenMakesNoNewBindButRenewsForTwelveHours) {
  World world;
  Player player = world.bound(1, "198.51.100.1:1000");
  Instant begin = world.now;
  auto live_until = [&](Instant end) {
    while (player.bind->bound()) {
      auto next = *player.bind->next_timeout();
      if (next > end) break;
      world.now = next;
      stun::Datagrams out;
      player.bind->on_timeout(world.now, out);
      world.exchange(player, out);
      world.relay->on_timeout(world.now);
    }
  };
  live_until(begin + hours(12) + minutes(9));
  EXPECT_TRUE(player.bind->bound());
  live_until(begin + hours(12) + minutes(11));
  EXPECT_FALSE(player.bind->bound());
  EXPECT_EQ(player.bind->trouble(), BindClient::Trouble::token_expired);

  player.bind->set_token(world.now, world.token_for(player, 1, world.unix_now() + kTokenLifetime));
  stun::Datagrams out;
  player.bind->on_timeout(world.now, out);
  world.exchange(player, out);
  EXPECT_TRUE(player.bind->bound());

  Player late = world.player(1, "198.51.100.9:1000");
  world.now += minutes(11);
  late.bind->start(world.now, out = {});
  world.exchange(late, out);
  EXPECT_EQ(late.bind->trouble(), BindClient::Trouble::token_expired);
}

TEST(Bind, NewerTokenTakesTheSlotFromAnOlderBindKey) {
  World world;
  Player player = world.bound(1, "198.51.100.1:1000");
  Player again = world.player(1, "198.51.100.1:2000");  // the agent restarted: a new bind key
  again.mac1_key = player.mac1_key;
  again.bind->set_token(world.now,
                        world.token_for(again, 1, world.unix_now() + kTokenLifetime + seconds(5)));
  stun::Datagrams out;
  again.bind->start(world.now, out);
  world.exchange(again, out);
  EXPECT_TRUE(again.bind->bound());
  EXPECT_EQ(world.relay->clients(), 1u);
  player.bind->start(world.now, out = {});
  world.exchange(player, out);
  EXPECT_EQ(player.bind->trouble(), BindClient::Trouble::refused);
}

TEST(Bind, SilentRelayIsRetriedAndTheBindLapses) {
  World world;
  Player player = world.bound(1, "198.51.100.1:1000");
  Instant begin = world.now;
  int sent = 0;
  while (world.now < begin + minutes(2)) {
    world.now = *player.bind->next_timeout();
    stun::Datagrams out;
    player.bind->on_timeout(world.now, out);
    sent += static_cast<int>(out.size());
    EXPECT_EQ(player.bind->bound(), world.now < begin + kBindLapse);
  }
  EXPECT_EQ(player.bind->trouble(), BindClient::Trouble::no_answer);
  EXPECT_GT(sent, 20);
  EXPECT_LT(sent, 80);
  stun::Datagrams out;
  player.bind->start(world.now, out);
  world.exchange(player, out);
  EXPECT_TRUE(player.bind->bound());
}

TEST(Bind, LostAnswerIsRepairedByRetransmission) {
  World world;
  Player player = world.player(1, "198.51.100.1:1000");
  stun::Datagrams out;
  player.bind->start(world.now, out);
  out.clear();  // lost
  world.now = *player.bind->next_timeout();
  player.bind->on_timeout(world.now, out);
  ASSERT_EQ(out.size(), 1u);
  world.exchange(player, out);
  EXPECT_TRUE(player.bind->bound());
}

TEST(Bind, AnswersFromElsewhereAreNotBelieved) {
  World world;
  Player player = world.player(1, "198.51.100.1:1000");
  stun::Datagrams out;
  player.bind->start(world.now, out);
  auto request = stun::MessageView::parse(out[0].bytes);
  Bytes forged =
      stun::MessageBuilder(stun::Method::bind_relay, stun::Class::success, request->transaction())
          .xor_mapped_address(player.endpoint)
          .fingerprint();
  EXPECT_FALSE(player.bind->on_datagram(world.now, *Endpoint::parse("192.0.2.6:51820"),
                                        *stun::MessageView::parse(forged), out));
  EXPECT_FALSE(player.bind->bound());
}

TEST(Bind, RelayThatChallengesForeverIsGivenUp) {
  World world;
  Player player = world.player(1, "198.51.100.1:1000");
  stun::Datagrams out;
  player.bind->start(world.now, out);
  int requests = 0;
  while (!out.empty() && requests < 100) {
    ++requests;
    auto request = stun::MessageView::parse(out.back().bytes);
    Bytes again =
        stun::MessageBuilder(stun::Method::bind_relay, stun::Class::error, request->transaction())
            .error(kStaleNonce, {})
            .xor_mapped_address(player.endpoint)
            .attribute(stun::Attribute::nonce, ByteArray<kNonceSize>{})
            .attribute(stun::Attribute::boot_id, ByteArray<8>{})
            .fingerprint();
    out.clear();
    player.bind->on_datagram(world.now, kRelayEndpoint, *stun::MessageView::parse(again), out);
  }
  EXPECT_EQ(requests, 4);
  EXPECT_EQ(player.bind->trouble(), BindClient::Trouble::refused);
}

TEST(Bind, SilentClientsAreRemovedAfterFiveMinutes) {
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  world.shake_hands(a, 11, b, 22);
  world.now += minutes(4);
  stun::Datagrams out;
  b.bind->start(world.now, out);
  world.exchange(b, out);
  world.now += seconds(61);
  world.relay->on_timeout(world.now);
  EXPECT_EQ(world.relay->clients(), 1u);
  a.bind->start(world.now, out = {});
  world.exchange(a, out);
  EXPECT_EQ(a.bind->generation(), 2u) << "the slot is new, so its sessions are gone";
}

TEST(Bind, AnswersAreNeverLargerThanTheRequest) {
  World world;
  Bytes tiny =
      stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request, {{1}}).fingerprint();
  expect_drop(world.send(*Endpoint::parse("198.51.100.1:1000"), tiny), DropReason::would_amplify);
}

}  // namespace
}  // namespace lanrage::relay
