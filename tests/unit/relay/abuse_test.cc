// What somebody may try who sends whatever he likes, from whatever address he likes, and has seen
// packets of others on the wire. A test by name for each.
#include <gtest/gtest.h>

#include "relay/bind_messages.hpp"
#include "stun/responder.hpp"
#include "unit/relay/fast_lane.hpp"
#include "unit/relay/relay_world.hpp"

namespace lanrage::relay {
namespace {

using namespace std::chrono_literals;

// A and B talk, C is in their party, X and Y talk in another one.
class Abuse : public testing::Test {
 protected:
  void SetUp() override {
    world.shake_hands(a, 11, b, 22);
    world.shake_hands(x, 33, y, 44);
    world.now += 10s;
  }
  // Everything is still as it was.
  void expect_unharmed() {
    expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
    expect_forward(world.send(b.endpoint, data(11)), a.endpoint);
    expect_forward(world.send(x.endpoint, data(44)), y.endpoint);
    expect_forward(world.send(y.endpoint, data(33)), x.endpoint);
    EXPECT_EQ(world.relay->clients(), 5u);
    EXPECT_EQ(world.relay->sessions(), 4u);
  }
  void expect_silence(const Endpoint& from, ByteView packet) {
    EXPECT_EQ(world.send(from, packet).kind, Verdict::Kind::drop);
  }
  // The code of the answer, zero for a success.
  static int code_of(const Verdict& verdict) {
    EXPECT_EQ(verdict.kind, Verdict::Kind::reply) << name_of(verdict.reason);
    const auto message = stun::MessageView::parse(verdict.reply);
    if (!message || message->message_class() == stun::Class::success) return 0;
    return message->error_code()->code;
  }
  // All of a bind's requests, as seen on the wire.
  std::vector<Bytes> requests_of_a_bind(Player& player) {
    std::vector<Bytes> out;
    stun::Datagrams next;
    player.bind->start(world.now, next);
    while (!next.empty()) {
      out.push_back(next.back().bytes);
      next.clear();
      const Verdict verdict = world.send(player.endpoint, out.back());
      const Bytes bytes(verdict.reply.begin(), verdict.reply.end());
      player.bind->on_datagram(world.now, kRelayEndpoint, *stun::MessageView::parse(bytes), next);
    }
    return out;
  }

  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  Player c = world.bound(1, "198.51.100.3:1000");
  Player x = world.bound(2, "198.51.100.4:1000");
  Player y = world.bound(2, "[2001:db8::5]:1000");
  const Endpoint attacker = *Endpoint::parse("192.0.2.66:666");
};

TEST_F(Abuse, SpoofedUnboundSourcesReachNobodyAndAreAnsweredWithOneSmallNoticeASecond) {
  const std::vector<Bytes> packets{data(22), initiation(1, b.mac1_key), response(2, 11, a.mac1_key),
                                   cookie(11), data(22, 1452)};
  std::uint64_t replied = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    world.now += 1ms;
    for (const Bytes& packet : packets) {
      const Verdict verdict = world.send(attacker, packet);
      ASSERT_NE(verdict.kind, Verdict::Kind::forward);
      if (verdict.kind != Verdict::Kind::reply) continue;
      EXPECT_EQ(verdict.to, attacker);
      EXPECT_LE(verdict.reply.size(), kNoticeSize);
      ++replied;
    }
  }
  EXPECT_EQ(replied, 10u);
  expect_unharmed();
}

TEST_F(Abuse, SpoofedSourcesWithoutNumberGetABoundedNumberOfNotices) {
  std::uint64_t replied = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {  // within one second
    world.now += 10us;
    const Endpoint source{IpAddress::v4(0x0A000000u + i), static_cast<std::uint16_t>(i)};
    replied += world.send(source, data(22)).kind == Verdict::Kind::reply;
  }
  EXPECT_LE(replied, 2 * Limits{}.notices.per_second);
  expect_unharmed();
}

TEST_F(Abuse, SpoofedSourceOfAClientCantMoveItNorUseItsSessionsWithoutTheirIndex) {
  for (std::uint32_t index = 100; index < 50'000; ++index)
    expect_drop(world.send(a.endpoint, data(index)), DropReason::no_session);
  expect_unharmed();
}

TEST_F(Abuse, SpoofedSourceOfAClientCantSpendItsRatesByWhatGoesNowhere) {
  for (int i = 0; i < 200'000; ++i)
    world.send(a.endpoint, data(99, 1452));  // 290 MB, more than all of them let through
  expect_unharmed();
}

TEST_F(Abuse, ReplayedBindFromAnotherAddressBindsNobody) {
  for (const Bytes& request : requests_of_a_bind(a)) {
    EXPECT_EQ(code_of(world.send(attacker, request)), kStaleNonce);
    // A NAT that gave its port to another, but the same address.
    EXPECT_EQ(code_of(world.send({a.endpoint.address, 4}, request)), kStaleNonce);
  }
  expect_unharmed();
}

TEST_F(Abuse, ReplayedBindCantPullAClientBackToWhereItWas) {
  const Endpoint old_home = a.endpoint;
  const auto sniffed = requests_of_a_bind(a);
  world.now += 1s;
  a.endpoint = *Endpoint::parse("192.0.2.50:6000");
  requests_of_a_bind(a);
  for (const Bytes& request : sniffed)
    EXPECT_EQ(code_of(world.send(old_home, request)), kStaleNonce);
  expect_unharmed();
}

TEST_F(Abuse, ReplayedBindCantTakeAnAddressBackFromItsNextOwner) {
  const auto sniffed = requests_of_a_bind(c);
  c.endpoint = x.endpoint;  // the NAT gave C's port to X, and X's to C
  x.endpoint = *Endpoint::parse("198.51.100.3:1000");
  requests_of_a_bind(x);
  for (const Bytes& request : sniffed)
    EXPECT_EQ(code_of(world.send(x.endpoint, request)), kStaleNonce);
  requests_of_a_bind(c);
  expect_unharmed();
}

TEST_F(Abuse, ReplayedBindsFromTheSameAddressChangeNothing) {
  const auto sniffed = requests_of_a_bind(a);
  for (int i = 0; i < 20; ++i)
    for (const Bytes& request : sniffed)
      world.send(a.endpoint, request);
  expect_unharmed();
  world.now += 61s;
  for (const Bytes& request : sniffed)
    EXPECT_EQ(code_of(world.send(a.endpoint, request)), kStaleNonce);
  expect_unharmed();
}

TEST_F(Abuse, ReplayedBindToAnotherAddressOfTheRelayChangesNotHowItsSenderIsReached) {
  const auto sniffed = requests_of_a_bind(a);
  const IpAddress other = *IpAddress::parse("203.0.113.2");
  EXPECT_EQ(code_of(world.relay->on_packet(world.now, world.unix_now(), a.endpoint, sniffed.back(),
                                           other)),
            0);
  EXPECT_NE(world.send(b.endpoint, data(11)).local, other);
  // By a bind of its own it is another matter.
  const auto fresh = [&] {
    stun::Datagrams out;
    world.now += 1s;
    a.bind->start(world.now, out);
    return out.back().bytes;
  }();
  EXPECT_EQ(code_of(world.relay->on_packet(world.now, world.unix_now(), a.endpoint, fresh, other)),
            0);
  EXPECT_EQ(world.send(b.endpoint, data(11)).local, other);
}

TEST_F(Abuse, SniffedTokenIsUselessWithoutItsBindKey) {
  const Bytes token = world.token_for(a, 1, world.unix_now() + kTokenLifetime);
  auto thiefs_key = crypto::SigningKey::generate(world.random);
  Player thief{attacker, a.mac1_key, thiefs_key,
               std::make_unique<BindClient>(BindTarget{kRelayId, kRelayEndpoint}, token, thiefs_key,
                                            world.random)};
  stun::Datagrams out;
  thief.bind->start(world.now, out);
  world.exchange(thief, out);
  EXPECT_EQ(thief.bind->trouble(), BindClient::Trouble::refused);
  expect_unharmed();
}

TEST_F(Abuse, TokenChangedToAnotherPartyOrKeyIsRefused) {
  Bytes token = world.token_for(c, 1, world.unix_now() + kTokenLifetime);
  for (const std::size_t at : {std::size_t{1}, std::size_t{8}, std::size_t{20}, std::size_t{60}}) {
    Bytes changed = token;
    changed[at] ^= 3;
    Player thief{attacker, c.mac1_key, c.bind_key,
                 std::make_unique<BindClient>(BindTarget{kRelayId, kRelayEndpoint}, changed,
                                              c.bind_key, world.random)};
    stun::Datagrams out;
    thief.bind->start(world.now, out);
    world.exchange(thief, out);
    EXPECT_FALSE(thief.bind->bound()) << at;
  }
  expect_unharmed();
}

TEST_F(Abuse, ForgedResponsesNeedAPendingInitiationItsReceiverAndARightMac1) {
  for (const Player* liar : {&c, &x}) {
    expect_drop(world.send(liar->endpoint, response(50, 11, a.mac1_key)), DropReason::no_pending);
    expect_drop(world.send(liar->endpoint, response(22, 11, a.mac1_key)), DropReason::no_pending);
  }
  expect_forward(world.send(a.endpoint, initiation(12, b.mac1_key)), b.endpoint);
  for (const Player* liar : {&c, &x})  // not whom the initiation went to
    expect_drop(world.send(liar->endpoint, response(50, 12, a.mac1_key)), DropReason::no_pending);
  expect_drop(world.send(b.endpoint, response(50, 12, c.mac1_key)), DropReason::wrong_mac1);
  Bytes broken = response(50, 12, a.mac1_key);
  broken[30] ^= 1;
  expect_drop(world.send(b.endpoint, broken), DropReason::wrong_mac1);
  expect_unharmed();
  expect_forward(world.send(b.endpoint, response(24, 12, a.mac1_key)), a.endpoint);
}

TEST_F(Abuse, ForgedDataGoesNowhereFromAnybodyElse) {
  for (const Player* liar : {&c, &x, &y})
    for (const std::uint32_t index : {11u, 22u})
      expect_drop(world.send(liar->endpoint, data(index)), DropReason::no_session);
  // Nor the wrong way round.
  expect_drop(world.send(a.endpoint, data(11)), DropReason::no_session);
  expect_unharmed();
}

TEST_F(Abuse, ForgedCookiesGoNowhere) {
  for (const Player* liar : {&c, &x})
    for (const std::uint32_t index : {11u, 22u, 33u})
      expect_drop(world.send(liar->endpoint, cookie(index)), DropReason::no_pending);
  expect_unharmed();
}

TEST_F(Abuse, IndexCollisionsTakeNobodysSession) {
  // C answers A with the index by which A sends to B already.
  expect_forward(world.send(a.endpoint, initiation(12, c.mac1_key)), c.endpoint);
  expect_drop(world.send(c.endpoint, response(22, 12, a.mac1_key)), DropReason::index_collision);
  expect_unharmed();
  // C begins with the index that B's answer to A is waited for.
  expect_forward(world.send(a.endpoint, initiation(13, b.mac1_key)), b.endpoint);
  expect_drop(world.send(c.endpoint, initiation(13, b.mac1_key)), DropReason::index_collision);
  expect_forward(world.send(b.endpoint, response(23, 13, a.mac1_key)), a.endpoint);
  // A's own route toward C with that index.
  stun::Datagrams out;
  a.bind->set_routes(world.now, std::vector<Route>{{c.mac1_key, 22}}, out);
  world.exchange(a, out);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  // Indexes of another party's sessions are other rows.
  world.shake_hands(a, 14, c, 44);
  expect_forward(world.send(x.endpoint, data(44)), y.endpoint);
  expect_forward(world.send(a.endpoint, data(44)), c.endpoint);
}

TEST_F(Abuse, CollidingIndexesCantFillOthersTables) {
  // C takes as many rows as it may; A's and B's own stay theirs.
  std::uint32_t index = 1'000;
  for (int i = 0; i < 2'000; ++i, ++index) {
    world.now += 250ms;
    if (world.send(c.endpoint, initiation(index, b.mac1_key)).kind == Verdict::Kind::forward)
      world.send(b.endpoint, response(index, index, c.mac1_key));
    if (i % 400 == 0)
      for (Player* player : {&a, &b, &c, &x, &y})
        requests_of_a_bind(*player);
    world.relay->on_timeout(world.now);
  }
  world.shake_hands(a, 11, b, 22);
  EXPECT_LE(world.relay->sessions(), 2 * Limits{}.rows_a_client + 2);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  expect_forward(world.send(b.endpoint, data(11)), a.endpoint);
}

TEST_F(Abuse, FloodOfInitiationsWithRandomKeysIsCutShortBeforeTheSearch) {
  SeededRandom keys(9);
  std::uint64_t searched = 0;
  for (std::uint32_t i = 0; i < 20'000; ++i) {  // two seconds
    world.now += 100us;
    const Verdict verdict = world.send(c.endpoint, initiation(i, keys.array<32>()));
    ASSERT_EQ(verdict.kind, Verdict::Kind::drop);
    searched += verdict.reason == DropReason::no_member;
  }
  const Rate& rate = Limits{}.initiations_a_client;
  EXPECT_LE(searched, rate.burst + 2 * rate.per_second);
  expect_unharmed();
  // Nobody else's handshakes are held up, in its party or in another.
  expect_forward(world.send(a.endpoint, initiation(50, b.mac1_key)), b.endpoint);
  expect_forward(world.send(x.endpoint, initiation(50, y.mac1_key)), y.endpoint);
}

TEST_F(Abuse, FloodOfInitiationsFromUnboundSourcesCostsNoSearchAndNoMemory) {
  SeededRandom keys(9);
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    world.now += 100us;
    const Endpoint source{IpAddress::v4(0x0A000000u + i), 5};
    ASSERT_NE(world.send(source, initiation(i, b.mac1_key)).kind, Verdict::Kind::forward);
  }
  EXPECT_EQ(world.relay->counters().dropped(DropReason::no_member), 0u);
  expect_unharmed();
}

TEST_F(Abuse, FloodOfInitiationsLeavesRoomForTheRightOneSoon) {
  SeededRandom keys(9);
  for (std::uint32_t i = 0; i < 10'000; ++i)
    world.send(a.endpoint, initiation(i, keys.array<32>()));  // spoofed: A's address
  world.now += 5s;                                            // when WireGuard tries again
  expect_forward(world.send(a.endpoint, initiation(50, b.mac1_key)), b.endpoint);
}

TEST_F(Abuse, FloodOfBindRequestsKeepsNoStateAndChecksFewSignatures) {
  const Bytes token = world.token_for(c, 1, world.unix_now() + kTokenLifetime);
  const Bytes question = stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request, {{1}})
                             .attribute(stun::Attribute::relay_token, token)
                             .fingerprint();
  const Bytes guess = stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request, {{1}})
                          .attribute(stun::Attribute::relay_token, token)
                          .attribute(stun::Attribute::nonce, Bytes(kNonceSize, 7))
                          .attribute(stun::Attribute::bind_signature, Bytes(64))
                          .fingerprint();
  for (int i = 0; i < 10'000; ++i) {
    world.send(attacker, question);
    world.send(attacker, guess);
  }
  const auto& counters = world.relay->counters();
  EXPECT_EQ(counters.bind_refusals, 0u) << "no signature was looked at";
  EXPECT_LE(counters.challenges, Limits{}.stun_an_address.burst + 5);
  expect_unharmed();
}

TEST_F(Abuse, TruncatedPacketsGoNowhere) {
  for (const Bytes& whole : {initiation(50, b.mac1_key), response(51, 12, a.mac1_key), cookie(11)})
    for (std::size_t size = 0; size < whole.size(); ++size)
      expect_silence(a.endpoint, ByteView(whole).first(size));
  const Bytes packet = data(22);
  for (std::size_t size = 0; size < 32; ++size)
    expect_silence(a.endpoint, ByteView(packet).first(size));
  const auto bind = requests_of_a_bind(a);
  const auto before = world.relay->counters().binds;
  for (const Bytes& request : bind)
    for (std::size_t size = 0; size < request.size(); ++size)
      expect_silence(a.endpoint, ByteView(request).first(size));
  EXPECT_EQ(world.relay->counters().binds, before);
  expect_unharmed();
}

TEST_F(Abuse, OversizedPacketsAreForwardedAsTheyAreOrNotAtAll) {
  for (const Bytes& whole :
       {initiation(50, b.mac1_key), response(51, 12, a.mac1_key), cookie(22)}) {
    for (const std::size_t more : {1, 16, 1'400}) {
      Bytes longer = whole;
      longer.resize(longer.size() + more);
      expect_silence(a.endpoint, longer);
    }
  }
  // The largest UDP datagram there is: the same bytes, in one packet, charged as what they are.
  const auto before = world.relay->counters().forwarded_bytes;
  expect_forward(world.send(a.endpoint, data(22, 65'507)), b.endpoint);
  EXPECT_EQ(world.relay->counters().forwarded_bytes - before, 65'507u);
  expect_silence(a.endpoint, Bytes(65'507));
  for (Bytes request : requests_of_a_bind(a)) {
    request.resize(request.size() + 4);
    expect_silence(a.endpoint, request);
  }
  expect_unharmed();
}

TEST_F(Abuse, ReflectionIsNeverLargerThanWhatCame) {
  std::vector<Bytes> questions{data(1, 32), cookie(1), initiation(1, b.mac1_key),
                               stun::binding_request({{1}})};
  for (const Bytes& request : requests_of_a_bind(a))
    questions.push_back(request);
  for (const stun::Method method :
       {stun::Method::binding, stun::Method::bind_relay, stun::Method::route_relay}) {
    for (std::size_t size = 0; size < 200; size += 4)
      questions.push_back(stun::MessageBuilder(method, stun::Class::request, {{1}})
                              .attribute(stun::Attribute::software, Bytes(size))
                              .fingerprint());
  }
  for (const Endpoint& victim : {attacker, *Endpoint::parse("[2001:db8::bad]:53"), x.endpoint}) {
    for (const Bytes& question : questions) {
      world.now += 1s;
      const Verdict verdict = world.send(victim, question);
      ASSERT_NE(verdict.kind, Verdict::Kind::forward) << question.size();
      if (verdict.kind != Verdict::Kind::reply) continue;
      EXPECT_EQ(verdict.to, victim);
      EXPECT_LE(verdict.reply.size(), question.size());
    }
  }
}

TEST_F(Abuse, ReflectionOfAnswersEndsAtOnce) {
  // Its own answers, sent to itself under its own or a client's address, bring no answer: two
  // relays can't be set on each other.
  const auto exchange = [&](const Endpoint& from, const Bytes& question) {
    const Verdict verdict = world.send(from, question);
    if (verdict.kind != Verdict::Kind::reply) return;
    const Bytes answer(verdict.reply.begin(), verdict.reply.end());
    world.now += 2s;  // its notice's second is over
    for (const Endpoint& other : {kRelayEndpoint, attacker, a.endpoint})
      expect_silence(other, answer);
  };
  exchange(attacker, data(1));  // a notice
  exchange(attacker, stun::binding_request({{1}}));
  for (const Bytes& request : requests_of_a_bind(a))
    exchange(a.endpoint, request);
  expect_unharmed();
}

TEST_F(Abuse, ReflectionOfOnesOwnPacketsIsRefused) {
  // Nobody reaches himself: neither by a handshake nor by a route.
  expect_drop(world.send(a.endpoint, initiation(60, a.mac1_key)), DropReason::no_member);
  stun::Datagrams out;
  a.bind->set_routes(world.now, std::vector<Route>{{a.mac1_key, 60}}, out);
  world.exchange(a, out);
  expect_drop(world.send(a.endpoint, data(60)), DropReason::no_session);
  expect_unharmed();
}

TEST_F(Abuse, LeasesOutliveNoBindingOfTheirAddress) {
  FastLane lane;
  world.relay->set_fast_path(lane);
  for (int i = 0; i < 3; ++i)
    world.send(a.endpoint, data(22));
  ASSERT_TRUE(lane.take(world.now, a.endpoint, 22, 128));
  Player next = world.bound(3, b.endpoint.to_string());  // B's port has another owner now
  EXPECT_FALSE(lane.take(world.now, a.endpoint, 22, 128)) << "another party's client there";
  expect_drop(world.send(a.endpoint, data(22)), DropReason::receiver_gone);
}

}  // namespace
}  // namespace lanrage::relay
