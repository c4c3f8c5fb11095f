// Which relays a party's port is bound at, against relays that are played by the test.
#include "agent/relay_binds.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "relay/relay.hpp"

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

const Endpoint kUs = *Endpoint::parse("203.0.113.9:50000");

std::string id_of(std::size_t n) {
  RelayId id;
  id.bytes.fill(static_cast<std::uint8_t>(n + 1));
  return id.to_string();
}

// Real relays, each at a distance, and one player's binds.
struct RelayBindsTest : testing::Test {
  SeededRandom random{7};
  crypto::SigningKey token_key = crypto::SigningKey::generate(random);
  crypto::SigningKey bind_key = crypto::SigningKey::generate(random);
  Instant now{100s};
  UnixTime calendar{1'700'000'000s};
  struct Place {
    std::unique_ptr<relay::Relay> relay;
    Endpoint endpoint;
    Duration round_trip;
    bool alive = true;
    int asked = 0;
  };
  std::vector<Place> places;
  protocol::RelayGrant grant;
  RelayBinds binds{bind_key, random};
  std::multimap<Instant, std::pair<Endpoint, Bytes>> answers;

  void add(Duration round_trip) {
    const auto n = places.size();
    relay::RelayConfig config;
    config.id = *RelayId::parse(id_of(n));
    config.token_key = token_key.public_key();
    const Endpoint endpoint{IpAddress::v4(0xC6336400u + static_cast<std::uint32_t>(n) + 1), 51820};
    places.push_back({std::make_unique<relay::Relay>(config, random), endpoint, round_trip});
    grant.relays.push_back({id_of(n), "eu", {endpoint}, {}, 100, 0});
  }
  void begin() {
    relay::Token token;
    token.group = 1;
    token.bind_key = bind_key.public_key();
    token.expires = calendar + relay::kTokenLifetime;
    grant.token = relay::issue(token, token_key);
    stun::Datagrams out;
    binds.set_grant(now, grant, out);
    deliver(out);
  }
  void deliver(stun::Datagrams& out) {
    for (const auto& datagram : out) {
      const auto place = std::ranges::find(places, datagram.to, &Place::endpoint);
      ASSERT_NE(place, places.end());
      ++place->asked;
      if (!place->alive) continue;
      const auto verdict =
          place->relay->on_packet(now + place->round_trip / 2, calendar, kUs, datagram.bytes);
      if (verdict.kind == relay::Verdict::Kind::reply)
        answers.emplace(
            now + place->round_trip,
            std::pair(place->endpoint, Bytes(verdict.reply.begin(), verdict.reply.end())));
    }
    out.clear();
  }
  void run(Duration duration) {
    for (const Instant end = now + duration; now < end;) {
      Instant next = std::min(end, binds.next_timeout().value_or(end));
      if (!answers.empty()) next = std::min(next, answers.begin()->first);
      now = std::max(now, next);
      stun::Datagrams out;
      while (!answers.empty() && answers.begin()->first <= now) {
        const auto [from, bytes] = answers.begin()->second;
        answers.erase(answers.begin());
        if (const auto message = stun::MessageView::parse(bytes))
          binds.on_datagram(now, from, *message, out);
      }
      binds.on_timeout(now, out);
      deliver(out);
    }
  }
  void need(std::vector<std::string> relays) {
    stun::Datagrams out;
    binds.set_needed(now, std::move(relays), out);
    deliver(out);
  }
  std::set<std::string> bound() const {
    std::set<std::string> out;
    for (const auto& binding : binds.bindings())
      out.insert(binding.id);
    return out;
  }
  static std::set<std::string> those(std::initializer_list<std::size_t> numbers) {
    std::set<std::string> out;
    for (const auto n : numbers)
      out.insert(id_of(n));
    return out;
  }
};

TEST_F(RelayBindsTest, FourOrFewerAreAllBoundAndMeasuredWithinSeconds) {
  for (const auto round_trip : {80ms, 20ms, 170ms, 40ms})
    add(round_trip);
  begin();
  run(3s);
  const auto bindings = binds.bindings();
  ASSERT_EQ(bindings.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(bindings[i].id, id_of(i)) << "in the grant's order";
    EXPECT_EQ(bindings[i].rtt, places[i].round_trip);
    EXPECT_FALSE(bindings[i].loaded);
  }
}

TEST_F(RelayBindsTest, AfterAChangeOfLinkAllAreMeasuredAnew) {
  for (const auto round_trip : {80ms, 20ms})
    add(round_trip);
  begin();
  run(60s);
  std::swap(places[0].round_trip, places[1].round_trip);
  stun::Datagrams out;
  binds.restart(now, out);
  deliver(out);
  run(1s);
  EXPECT_GT(binds.bindings()[0].rtt, 60ms) << "merely bound again: averaged in";
  binds.on_link_change(now, out);
  EXPECT_TRUE(binds.bindings()[0].rtt) << "the old one until there is another";
  deliver(out);
  run(1s);
  EXPECT_EQ(binds.bindings()[0].rtt, 20ms);
  EXPECT_EQ(binds.bindings()[1].rtt, 80ms);
}

TEST_F(RelayBindsTest, OfManyTheFirstTwoAndTheNearestTwoAreBound) {
  for (const auto round_trip : {80ms, 90ms, 170ms, 160ms, 150ms, 30ms, 140ms, 20ms})
    add(round_trip);
  begin();
  run(1s);
  EXPECT_EQ(bound(), those({0, 1, 2, 3})) << "at once, before any is measured";
  run(5s);
  EXPECT_EQ(bound(), those({0, 1, 5, 7}));
}

TEST_F(RelayBindsTest, WhatPathsNeedIsBoundAndNoMoreThanTheLimit) {
  for (int i = 0; i < 16; ++i)
    add(20ms + i * 10ms);
  begin();
  run(3s);
  EXPECT_EQ(bound(), those({0, 1, 2, 3}));
  need({id_of(9), id_of(12), "unknown"});
  run(1s);
  EXPECT_EQ(bound(), those({0, 1, 9, 12})) << "the first two are the nearest as well";
  need({});
  run(1s);
  EXPECT_EQ(bound(), those({0, 1, 2, 3}));
  need({id_of(5), id_of(6), id_of(7), id_of(8), id_of(9), id_of(10), id_of(11), id_of(12)});
  run(1s);
  EXPECT_EQ(bound().size(), RelayBinds::kMaxRelays);
  EXPECT_TRUE(bound().contains(id_of(5))) << "those named first";
}

TEST_F(RelayBindsTest, ARelayThatIsDeadOrLoadedMakesRoomForAnother) {
  for (const auto round_trip : {80ms, 90ms, 20ms, 30ms, 40ms, 50ms, 60ms})
    add(round_trip);
  grant.relays[2].load = 90;
  begin();
  run(5s);
  EXPECT_EQ(bound(), those({0, 1, 3, 4})) << "loaded";
  places[0].alive = places[3].alive = false;
  run(120s);
  EXPECT_EQ(bound(), those({1, 4, 5, 6})) << "dead";
  places[0].alive = places[3].alive = true;
  run(600s);
  EXPECT_TRUE(bound().contains(id_of(0))) << "back";
}

TEST_F(RelayBindsTest, TheNearestStayWhileNoneIsClearlyNearer) {
  for (const auto round_trip : {80ms, 90ms, 60ms, 62ms, 64ms, 66ms})
    add(round_trip);
  begin();
  run(5s);
  const auto before = bound();
  for (int minute = 0; minute < 60; ++minute) {
    for (std::size_t i = 2; i < 6; ++i)
      places[i].round_trip = 60ms + Duration(random.below(12'000));
    run(60s);
    EXPECT_EQ(bound(), before) << minute;
  }
}

TEST_F(RelayBindsTest, RelaysThatAreNotBoundAreAskedSeldom) {
  for (int i = 0; i < 16; ++i)
    add(20ms + i * 10ms);
  begin();
  run(60s);
  const int before = places[15].asked;
  run(3'600s);
  EXPECT_LE(places[15].asked - before, 13);
  EXPECT_GE(places[15].asked - before, 10);
}

// What starts the question whether UDP gets out at all.
TEST_F(RelayBindsTest, SilentMeansThatAllWereAskedAndNoneAnswers) {
  EXPECT_FALSE(binds.silent(now)) << "there is none to ask";
  for (const auto round_trip : {20ms, 40ms})
    add(round_trip);
  begin();
  EXPECT_FALSE(binds.silent(now)) << "just asked";
  run(60s);
  EXPECT_FALSE(binds.silent(now));
  places[0].alive = false;
  run(60s);
  EXPECT_FALSE(binds.silent(now)) << "the other answers";
  places[1].alive = false;
  const auto dead = now;
  while (!binds.silent(now) && now - dead < 60s)
    run(100ms);
  EXPECT_LE(now - dead, relay::kBindRenewal + relay::kBindJitter + RelayBinds::kSilent + 100ms);
  // Asking anew, as soon as anything is suspected, is no answer.
  stun::Datagrams out;
  binds.restart(now, out);
  deliver(out);
  EXPECT_TRUE(binds.silent(now));
  places[1].alive = true;
  binds.restart(now, out);
  deliver(out);
  run(100ms);
  EXPECT_FALSE(binds.silent(now));
  // While asked, it takes a moment only.
  places[1].alive = false;
  binds.restart(now, out);
  deliver(out);
  run(RelayBinds::kSilent - 50ms);
  EXPECT_FALSE(binds.silent(now));
  run(100ms);
  EXPECT_TRUE(binds.silent(now));
}

}  // namespace
}  // namespace lanrage::agent
