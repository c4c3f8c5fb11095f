// A relay in several shards comes to the verdicts of one, packet by packet, when every message is
// taken before the next packet.
#include <deque>
#include <gtest/gtest.h>
#include <map>

#include "chaos.hpp"

namespace lanrage::relay {
namespace {

// Of the world's relay: the same secrets, by drawing the same numbers.
std::vector<std::unique_ptr<Relay>> shards_of(std::uint64_t seed, const Limits& limits,
                                              std::uint32_t count) {
  SeededRandom random(seed);
  const auto control_key = crypto::SigningKey::generate(random);
  return Relay::shards({kRelayId, control_key.public_key(), limits}, random, count);
}

using TrafficByClient = std::map<Endpoint, std::pair<std::uint64_t, Traffic>>;  // with its group

TrafficByClient traffic_by_client(const Relay& relay) {
  TrafficByClient out;
  for (const auto& each : relay.traffic())
    out[each.address] = {each.group, each.sent};
  return out;
}

class Twin final : public Witness {
 public:
  Twin(World& world, std::uint64_t seed, const Limits& limits, std::uint32_t count)
      : world_(world), shards_(shards_of(seed, limits, count)) {
    world_.witness = this;
  }

  std::size_t shard_of(const Endpoint& from) const {
    return (from.port + from.address.bytes().back()) % shards_.size();
  }

  void on_packet(const Endpoint& from, ByteView packet, const Verdict& expected) override {
    const std::size_t at = shard_of(from);
    Verdict verdict = shards_[at]->on_packet(world_.now, world_.unix_now(), from, packet);
    keep(verdict, packet);
    settle(at);
    ASSERT_EQ(final_.size(), 1u) << "as many verdicts as packets";
    const auto& [kind, reason, to, bytes] = final_.front();
    EXPECT_EQ(kind, expected.kind);
    if (kind == Verdict::Kind::drop)
      EXPECT_EQ(name_of(reason), name_of(expected.reason));
    else
      EXPECT_EQ(to, expected.to);
    const ByteView sent = expected.kind == Verdict::Kind::reply ? expected.reply : packet;
    if (kind != Verdict::Kind::drop) EXPECT_TRUE(std::ranges::equal(bytes, sent));
    final_.clear();
  }

  void on_timeout() override {
    for (std::size_t at = 0; at < shards_.size(); ++at) {
      shards_[at]->on_timeout(world_.now);
      settle(at);
    }
  }

  Counters counters() const {
    Counters sum;
    for (const auto& shard : shards_)
      sum += shard->counters();
    return sum;
  }
  // Each client's at its home, wherever that has been.
  TrafficByClient traffic() const {
    TrafficByClient all;
    std::size_t rows = 0;
    for (const auto& shard : shards_) {
      all.merge(traffic_by_client(*shard));
      rows += shard->traffic().size();
    }
    EXPECT_EQ(all.size(), rows) << "a client has one home";
    return all;
  }
  std::size_t passed() const { return passed_; }
  const Relay& shard(std::size_t at) const { return *shards_[at]; }

 private:
  struct Final {
    Verdict::Kind kind;
    DropReason reason;
    Endpoint to;
    Bytes bytes;
  };

  void keep(const Verdict& verdict, ByteView packet) {
    if (verdict.kind == Verdict::Kind::elsewhere) return;
    const ByteView bytes = verdict.kind == Verdict::Kind::reply ? verdict.reply : packet;
    final_.push_back({verdict.kind, verdict.reason, verdict.to, Bytes(bytes.begin(), bytes.end())});
  }
  // Takes messages until all shards are silent.
  void settle(std::size_t at) {
    std::deque<Posted> posted;
    const auto take = [&](std::size_t from) {
      for (auto& each : shards_[from]->take_posted()) {
        EXPECT_NE(each.to, from);
        posted.push_back(std::move(each));
      }
    };
    for (take(at); !posted.empty(); posted.pop_front()) {
      const auto& [to, message] = posted.front();
      keep(shards_[to]->on_message(world_.now, world_.unix_now(), message), packet_of(message));
      passed_ += packet_of(message).size() == 92 || packet_of(message).size() == 148;
      take(to);
    }
  }

  World& world_;
  std::vector<std::unique_ptr<Relay>> shards_;
  std::vector<Final> final_;
  std::size_t passed_ = 0;
};

void expect_equal(const Counters& a, const Counters& b) {
  EXPECT_EQ(a.forwarded_packets, b.forwarded_packets);
  EXPECT_EQ(a.forwarded_bytes, b.forwarded_bytes);
  EXPECT_EQ(a.replies, b.replies);
  EXPECT_EQ(a.notices, b.notices);
  EXPECT_EQ(a.binds, b.binds);
  EXPECT_EQ(a.challenges, b.challenges);
  EXPECT_EQ(a.bind_refusals, b.bind_refusals);
  EXPECT_EQ(a.drops, b.drops);
}

void expect_equal(const TrafficByClient& a, const TrafficByClient& b) {
  EXPECT_TRUE(a == b);
}

class ShardsProperty : public testing::TestWithParam<std::uint32_t> {};

TEST_P(ShardsProperty, SameVerdictsAsOne) {
  std::uint64_t forwarded = 0;
  std::uint64_t passed = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    Twin twin(chaos.world(), seed, Chaos::limits(), GetParam());
    chaos.run(1500);
    expect_equal(twin.counters(), chaos.world().relay->counters());
    expect_equal(twin.traffic(), traffic_by_client(*chaos.world().relay));
    for (std::uint32_t i = 0; i < GetParam(); ++i)
      EXPECT_EQ(twin.shard(i).clients(), chaos.world().relay->clients());
    forwarded += chaos.forwarded();
    passed += twin.passed();
    if (HasFailure()) return;
  }
  EXPECT_GT(forwarded, 400u);
  if (GetParam() > 1) EXPECT_GT(passed, 100u) << "handshakes must cross shards";
}
INSTANTIATE_TEST_SUITE_P(Counts, ShardsProperty, testing::Values(1u, 2u, 5u));

// Limits of a party hold for its members on all threads together.
TEST(ShardLimits, AGroupsBytesSpanShards) {
  const Limits limits{.group_bytes = {1000, 1000}};
  World world(limits);
  Twin twin(world, 1, limits, 2);
  Player a = world.bound(1, "198.51.100.2:1000");
  Player b = world.bound(1, "198.51.100.2:1001");
  ASSERT_NE(twin.shard_of(a.endpoint), twin.shard_of(b.endpoint));
  world.shake_hands(a, 11, b, 22);
  world.now += std::chrono::seconds(10);
  expect_forward(world.send(a.endpoint, data(22, 800)), b.endpoint);
  // By its share, as the rest is too little; then it has none.
  expect_forward(world.send(b.endpoint, data(11, 800)), a.endpoint);
  expect_drop(world.send(b.endpoint, data(11, 800)), DropReason::group_rate);
  expect_equal(twin.counters(), world.relay->counters());
}

TEST(ShardLimits, AnAddressesBytesSpanShards) {
  const Limits limits{.address_bytes = {1000, 1000}};
  World world(limits);
  Twin twin(world, 1, limits, 2);
  Player a = world.bound(1, "198.51.100.2:1000");
  Player b = world.bound(1, "198.51.100.2:1001");
  world.shake_hands(a, 11, b, 22);
  world.now += std::chrono::seconds(10);
  expect_forward(world.send(a.endpoint, data(22, 800)), b.endpoint);
  // By its share, as the rest is too little; then it has none.
  expect_forward(world.send(b.endpoint, data(11, 800)), a.endpoint);
  expect_drop(world.send(b.endpoint, data(11, 800)), DropReason::address_rate);
}

// A client whose NAT gave it another port lands on another thread, and its sessions go along.
TEST(ShardMoves, SessionsFollowAClientToItsNewHome) {
  World world;
  Twin twin(world, 1, Limits{}, 2);
  Player a = world.bound(1, "198.51.100.2:1000");
  Player b = world.bound(1, "198.51.100.4:1000");
  ASSERT_EQ(twin.shard_of(a.endpoint), twin.shard_of(b.endpoint));
  world.shake_hands(a, 11, b, 22);
  EXPECT_EQ(twin.shard(0).sessions(), 2u);
  a.endpoint.port = 1001;
  stun::Datagrams out;
  a.bind->start(world.now, out);
  world.exchange(a, out);
  EXPECT_EQ(twin.shard(0).sessions(), 1u);
  EXPECT_EQ(twin.shard(1).sessions(), 1u);
  expect_forward(world.send(a.endpoint, data(22)), b.endpoint);
  expect_forward(world.send(b.endpoint, data(11)), a.endpoint);
  // Whatever comes from the address it had is a stranger's.
  EXPECT_EQ(world.send(*Endpoint::parse("198.51.100.2:1000"), data(22)).kind, Verdict::Kind::reply);
  expect_equal(twin.counters(), world.relay->counters());
}

// Nobody gets a limit anew by moving: not his own, nor what others may send him.
TEST(ShardMoves, LimitsFollowAClientToItsNewHome) {
  const Limits limits{.client_bytes = {1000, 1000}};
  World world(limits);
  Twin twin(world, 1, limits, 2);
  Player a = world.bound(1, "198.51.100.2:1000");
  Player b = world.bound(1, "198.51.100.4:1000");
  world.shake_hands(a, 11, b, 22);
  world.now += std::chrono::seconds(10);
  const auto move = [&world](Player& player) {
    ++player.endpoint.port;
    stun::Datagrams out;
    player.bind->start(world.now, out);
    world.exchange(player, out);
  };
  for (std::uint32_t index = 100; index < 104; ++index)
    expect_forward(world.send(a.endpoint, initiation(index, b.mac1_key)), b.endpoint);
  move(b);
  expect_drop(world.send(a.endpoint, initiation(104, b.mac1_key)), DropReason::initiation_rate);

  world.now += std::chrono::seconds(10);
  expect_forward(world.send(a.endpoint, data(22, 800)), b.endpoint);
  move(a);
  expect_drop(world.send(a.endpoint, data(22, 800)), DropReason::client_rate);
}

}  // namespace
}  // namespace lanrage::relay
