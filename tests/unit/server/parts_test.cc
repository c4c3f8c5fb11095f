// The small parts by themselves.
#include <gtest/gtest.h>

#include "base/bucket_table.hpp"
#include "server/deployment.hpp"
#include "server/presence.hpp"
#include "server/relay_directory.hpp"
#include "server/request_body.hpp"
#include "server/signal_queue.hpp"

namespace lanrage::server {

namespace {

Instant at(std::int64_t seconds) {
  return Instant(std::chrono::seconds(seconds));
}
UnixTime unix_at(std::int64_t seconds) {
  return UnixTime(std::chrono::seconds(seconds));
}
PartyId party(std::uint8_t n) {
  return {{n}};
}
PeerId peer(std::uint8_t n) {
  return {{n}};
}

}  // namespace

TEST(TokenBuckets, RefillWithTimeUpToTheBurst) {
  TokenBuckets buckets({2, 3});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(buckets.take("a", at(0)));
  EXPECT_FALSE(buckets.take("a", at(0)));
  EXPECT_FALSE(buckets.has("a", at(0)));
  EXPECT_TRUE(buckets.take("b", at(0)));
  EXPECT_TRUE(buckets.take("a", at(1)));
  EXPECT_TRUE(buckets.take("a", at(1)));
  EXPECT_FALSE(buckets.take("a", at(1)));
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(buckets.take("a", at(1000)));
  EXPECT_FALSE(buckets.take("a", at(1000)));
}

TEST(TokenBuckets, AFloodOfKeysNeitherGrowsTheTableNorHurtsThoseInIt) {
  TokenBuckets buckets({1, 2}, 10);
  EXPECT_TRUE(buckets.take("known", at(0)));
  int taken = 0;
  for (int i = 0; i < 1000; ++i)
    taken += buckets.take("flood " + std::to_string(i), at(0));
  EXPECT_EQ(buckets.size(), 10u);
  EXPECT_EQ(taken, 9 + 2) << "nine of their own, and what one shared bucket holds";
  EXPECT_TRUE(buckets.take("known", at(0)));
  EXPECT_TRUE(buckets.take("later", at(60))) << "those at rest make room";
}

TEST(TokenBuckets, AnIpv6CustomerIsOneKey) {
  const auto key = [](const char* text) { return rate_key(*IpAddress::parse(text)); };
  EXPECT_EQ(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
  EXPECT_NE(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
  EXPECT_NE(key("192.0.2.1"), key("192.0.2.2"));
}

class PresenceOfPeers : public ::testing::Test {
 protected:
  class TwoClocks final : public Clock {
   public:
    Instant monotonic() const override { return at(seconds); }
    UnixTime unix_time() const override { return unix_at(seconds + set_by); }
    std::int64_t seconds = 0;
    std::int64_t set_by = 0;  // the wall clock alone
  };
  TwoClocks clock;
  const Limits limits;
  Presence presence{limits, clock};
};

TEST_F(PresenceOfPeers, ASecondConnectionKeepsThePeerOnline) {
  EXPECT_TRUE(presence.subscribed(party(1), peer(1)));
  EXPECT_FALSE(presence.subscribed(party(1), peer(1)));
  EXPECT_FALSE(presence.unsubscribed(party(1), peer(1), true));
  EXPECT_TRUE(presence.of(party(1), peer(1)).online);
  clock.seconds = 3;
  EXPECT_TRUE(presence.unsubscribed(party(1), peer(1), true));
  EXPECT_FALSE(presence.of(party(1), peer(1)).online);
  EXPECT_EQ(presence.of(party(1), peer(1)).last_seen, unix_at(3));
}

TEST_F(PresenceOfPeers, ComingBackWithinTheGraceIsNoNews) {
  presence.subscribed(party(1), peer(1));
  clock.seconds = 5;
  EXPECT_FALSE(presence.unsubscribed(party(1), peer(1), false));
  clock.seconds = 14;
  EXPECT_TRUE(presence.expire().empty());
  EXPECT_FALSE(presence.subscribed(party(1), peer(1)));
  clock.seconds = 100;
  EXPECT_TRUE(presence.expire().empty());
}

TEST_F(PresenceOfPeers, AShorterGraceDoesNotWaitForALongerLease) {
  presence.heartbeat(party(1), peer(1));  // five minutes
  presence.subscribed(party(1), peer(1));
  presence.unsubscribed(party(1), peer(1), false);  // ten seconds
  clock.seconds = 10;
  EXPECT_EQ(presence.expire().size(), 1u);
  EXPECT_FALSE(presence.of(party(1), peer(1)).online);
  clock.seconds = 400;
  EXPECT_TRUE(presence.expire().empty());
}

TEST_F(PresenceOfPeers, AWallClockThatIsSetBackKeepsNobodyOnline) {
  presence.subscribed(party(1), peer(1));
  presence.unsubscribed(party(1), peer(1), false);
  clock.set_by = -4 * 3600;
  clock.seconds = 10;
  EXPECT_EQ(presence.expire().size(), 1u);
}

TEST_F(PresenceOfPeers, AWallClockThatIsSetForwardTakesNobodyOffline) {
  presence.subscribed(party(1), peer(1));
  presence.unsubscribed(party(1), peer(1), false);
  clock.set_by = 4 * 3600;
  EXPECT_TRUE(presence.expire().empty());
}

TEST_F(PresenceOfPeers, AfterARestartOnlyThoseWhoWereThereCountAsThere) {
  clock.seconds = 90'000;
  presence.recall(party(1), peer(1), unix_at(10'000));
  presence.recall(party(1), peer(2), unix_at(9'000));
  presence.resume();
  EXPECT_TRUE(presence.of(party(1), peer(1)).online);
  EXPECT_FALSE(presence.of(party(1), peer(2)).online);
  clock.seconds += 89;
  EXPECT_TRUE(presence.expire().empty());
  clock.seconds += 1;
  EXPECT_EQ(presence.expire().size(), 1u);
  EXPECT_EQ(presence.of(party(1), peer(1)).last_seen, unix_at(10'000));
}

TEST_F(PresenceOfPeers, WhatAClockSaidThatWasAheadIsForgotten) {
  clock.seconds = 1'000;
  presence.recall(party(1), peer(1), unix_at(900'000));
  presence.recall(party(1), peer(2), unix_at(990));
  presence.resume();
  EXPECT_EQ(presence.of(party(1), peer(1)).last_seen, unix_at(1'000));
  EXPECT_TRUE(presence.of(party(1), peer(2)).online) << "it doesn't tell when the server stopped";
}

TEST_F(PresenceOfPeers, TellsTheStoreWhatChangedOnce) {
  presence.heartbeat(party(1), peer(1));
  clock.seconds = 6;
  presence.heartbeat(party(1), peer(1));
  const auto changes = presence.take_changes();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].last_seen, unix_at(6));
  EXPECT_TRUE(presence.take_changes().empty());
}

TEST(SignalQueue, ForgetsWhatConcernsAPeerThatLeft) {
  const Limits limits;
  SignalQueue queue(limits, unix_at(1));
  queue.add(party(1), peer(1), peer(2), {1}, unix_at(1));
  queue.add(party(1), peer(3), peer(2), {2}, unix_at(1));
  queue.add(party(1), peer(2), peer(1), {3}, unix_at(1));
  queue.add(party(2), peer(1), peer(2), {4}, unix_at(1));
  queue.forget(party(1), peer(1));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.after(party(1), peer(2), 0, unix_at(1)).size(), 1u);
  queue.forget(party(2));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.expire(unix_at(61)), 1u);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(SignalQueue, IsBoundedAsAWhole) {
  using enum SignalQueue::Added;
  Limits limits;
  limits.signals_waiting_in_all = 2;
  SignalQueue queue(limits, unix_at(1));
  EXPECT_EQ(queue.add(party(1), peer(1), peer(2), {1}, unix_at(1)), yes);
  EXPECT_EQ(queue.add(party(1), peer(1), peer(3), {1}, unix_at(1)), yes);
  EXPECT_EQ(queue.add(party(1), peer(1), peer(4), {1}, unix_at(1)), no);
  EXPECT_EQ(queue.take(party(1), peer(2), unix_at(1)).size(), 1u);
  EXPECT_EQ(queue.add(party(1), peer(1), peer(4), {1}, unix_at(1)), yes);
}

TEST(SignalQueue, KeepsTheLatestOfOneSender) {
  using enum SignalQueue::Added;
  Limits limits;
  limits.signals_waiting = 2;
  SignalQueue queue(limits, unix_at(1));
  EXPECT_EQ(queue.add(party(1), peer(1), peer(2), {1}, unix_at(1)), yes);
  EXPECT_EQ(queue.add(party(1), peer(1), peer(2), {2}, unix_at(1)), yes);
  EXPECT_EQ(queue.add(party(1), peer(3), peer(2), {3}, unix_at(1)), yes) << "another sender";
  EXPECT_EQ(queue.add(party(1), peer(1), peer(2), {4}, unix_at(1)), for_oldest);
  std::vector<Bytes> kept;
  for (const auto& signal : queue.take(party(1), peer(2), unix_at(1)))
    kept.push_back(signal.signal_data);
  EXPECT_EQ(kept, (std::vector<Bytes>{{2}, {3}, {4}}));
}

TEST(SignalQueue, NumbersRiseOverRestarts) {
  const Limits limits;
  SignalQueue before(limits, unix_at(100));
  before.add(party(1), peer(1), peer(2), {1}, unix_at(100));
  SignalQueue after(limits, unix_at(101));
  after.add(party(1), peer(1), peer(2), {1}, unix_at(101));
  EXPECT_GT(after.take(party(1), peer(2), unix_at(101)).front().n,
            before.take(party(1), peer(2), unix_at(100)).front().n);
}

TEST(RelayDirectory, NamesThePublicAddressFirst) {
  SeededRandom random(1);
  const auto key = crypto::SigningKey::generate(random);
  const BuiltInServices services{"id", "default", *Endpoint::parse("0.0.0.0:51820"), {}, {}};
  const auto reached = *IpAddress::parse("192.168.1.5");
  const Limits limits;
  const RelayTable none(limits, "id");
  const auto relays = [&](const BuiltInServices& built_in,
                          std::optional<IpAddress> public_address) {
    return RelayDirectory(built_in, public_address, key, none, 16).relays(reached);
  };
  const auto endpoints = [&](std::optional<IpAddress> public_address) {
    return relays(services, public_address).front().endpoints;
  };
  const auto own = *Endpoint::parse("192.168.1.5:51820");
  EXPECT_EQ(endpoints({}), std::vector{own});
  EXPECT_EQ(endpoints(reached), std::vector{own});
  EXPECT_EQ(endpoints(IpAddress::parse("203.0.113.10")),
            (std::vector{*Endpoint::parse("203.0.113.10:51820"), own}));
  // One that listens on one address only isn't reached at another.
  auto bound = services;
  bound.relay = *Endpoint::parse("10.0.0.1:51820");
  EXPECT_EQ(relays(bound, {}).front().endpoints, std::vector{*bound.relay});
  EXPECT_TRUE(relays({}, {}).empty());
}

TEST(RelayDirectory, NamesBothFamiliesWhereItListensOnBoth) {
  SeededRandom random(1);
  const auto key = crypto::SigningKey::generate(random);
  BuiltInServices services{"id", "default", *Endpoint::parse("[::]:51820"),
                           *Endpoint::parse("[::]:3478"), *Endpoint::parse("[::]:3479")};
  services.own_addresses = [] {
    return std::vector{*IpAddress::parse("203.0.113.10"), *IpAddress::parse("2001:db8::10")};
  };
  const Limits limits;
  const RelayTable none(limits, "id");
  const auto endpoints = [&](std::optional<IpAddress> public_address, const char* reached) {
    const RelayDirectory directory(services, public_address, key, none, 16);
    std::string out;
    const auto named = directory.relays(*IpAddress::parse(reached));
    for (const auto& endpoint : named.front().endpoints)
      out += (out.empty() ? "" : " ") + endpoint.to_string();
    return out;
  };
  EXPECT_EQ(endpoints({}, "203.0.113.10"), "203.0.113.10:51820 [2001:db8::10]:51820");
  EXPECT_EQ(endpoints({}, "2001:db8::10"), "[2001:db8::10]:51820 203.0.113.10:51820");
  EXPECT_EQ(endpoints(IpAddress::parse("198.51.100.9"), "192.168.1.5"),
            "198.51.100.9:51820 192.168.1.5:51820 [2001:db8::10]:51820");
  const RelayDirectory directory(services, {}, key, none, 16);
  const auto stun = directory.stun(*IpAddress::parse("203.0.113.10"));
  EXPECT_EQ(stun,
            (std::vector{
                *Endpoint::parse("203.0.113.10:3478"), *Endpoint::parse("203.0.113.10:3479"),
                *Endpoint::parse("[2001:db8::10]:3478"), *Endpoint::parse("[2001:db8::10]:3479")}));
  // Told to listen on IPv4 alone, it names nothing else.
  services.relay = *Endpoint::parse("0.0.0.0:51820");
  EXPECT_EQ(endpoints({}, "203.0.113.10"), "203.0.113.10:51820");
}

TEST(Deployment, WhatTheInternetReachesWantsTheWord) {
  const auto policy = [](const char* text) {
    return default_create_policy(*IpAddress::parse(text));
  };
  EXPECT_EQ(policy("203.0.113.10"), protocol::CreatePolicy::word);
  EXPECT_EQ(policy("2001:db8::1"), protocol::CreatePolicy::word);
  EXPECT_EQ(policy("192.168.1.5"), protocol::CreatePolicy::anyone);
  EXPECT_EQ(policy("127.0.0.1"), protocol::CreatePolicy::anyone);
}

TEST(RequestBody, KnowsJsonByItsType) {
  EXPECT_TRUE(is_json("application/json"));
  EXPECT_TRUE(is_json("APPLICATION/json ; charset=utf-8"));
  EXPECT_FALSE(is_json("application/jsonp"));
  EXPECT_FALSE(is_json("text/plain; application/json"));
  EXPECT_FALSE(is_json(""));
}

}  // namespace lanrage::server
