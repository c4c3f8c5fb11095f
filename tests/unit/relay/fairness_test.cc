// One client that floods doesn't take others' share of what they have in common, whichever limit it
// meets: its party's or its address's; bytes, packets or handshakes.
#include <gtest/gtest.h>

#include "unit/relay/fast_lane.hpp"
#include "unit/relay/relay_world.hpp"

namespace lanrage::relay {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPlayers = 4;

// What players may in common is 4,000 packets a second, by bytes or by number: a quarter of it is
// each one's share.
constexpr Rate kBytes{400'000, 80'000};
constexpr Rate kPackets{4'000, 800};

struct Scene {
  const char* name;
  Rate Limits::* limit;
  Rate rate;
  bool one_address;
  std::size_t size;  // of each packet
  DropReason reason;
};
void PrintTo(const Scene& scene, std::ostream* out) {
  *out << scene.name;
}

// Everybody is in one party and sends to a receiver in it that sends nothing.
class Party {
 public:
  Party(const Scene& scene, const Limits& limits) : world(limits), size_(scene.size) {
    for (std::size_t i = 0; i < kPlayers; ++i)
      players.push_back(world.bound(1, scene.one_address
                                           ? "198.51.100.1:" + std::to_string(1000 + i)
                                           : "198.51.100." + std::to_string(i + 1) + ":1000"));
    for (std::uint32_t i = 1; i < kPlayers; ++i) {
      world.shake_hands(players[i], i, players[0], 100 + i);
      world.now += 1s;
    }
    world.now += 10s;
  }
  bool send(std::size_t from) {
    const auto index = static_cast<std::uint32_t>(100 + from);
    const Bytes packet = data(index, size_);
    if (lane.take(world.now, players[from].endpoint, index, packet.size())) return true;
    last = world.send(players[from].endpoint, packet);
    return last.kind == Verdict::Kind::forward;
  }

  FastLane lane;
  World world;
  std::vector<Player> players;
  Verdict last;  // by the relay

 private:
  std::size_t size_;
};

class Fairness : public testing::TestWithParam<Scene> {
 protected:
  Limits limits() const {
    Limits out;
    out.*GetParam().limit = GetParam().rate;
    return out;
  }
  double rate() const {
    return static_cast<double>(GetParam().rate.per_second) /
           (GetParam().rate.per_second == kBytes.per_second ? 100.0 : 1.0);  // packets a second
  }
};

// A floods at forty times the rate of all, B and C send nine tenths of their shares, in bursts.
void flood(Party& party, const Scene& scene, double rate) {
  std::uint64_t flooded = 0;
  std::uint64_t asked = 0;
  constexpr int kSeconds = 5;
  for (int ms = 0; ms < kSeconds * 1000; ++ms) {
    party.world.now += 1ms;
    for (double i = 0; i < rate / 25; ++i)
      flooded += party.send(1);
    if (party.last.kind == Verdict::Kind::drop) EXPECT_EQ(party.last.reason, scene.reason);
    if (ms % 100 != 0) continue;
    for (double i = 0; i < rate / 4 * 0.9 / 10; ++i, ++asked)
      for (const std::size_t other : {2, 3})
        ASSERT_TRUE(party.send(other)) << "after " << ms << " ms: " << name_of(party.last.reason);
  }
  const double left = rate * kSeconds - 2.0 * static_cast<double>(asked);
  EXPECT_GE(static_cast<double>(flooded), left * 0.9) << "what others leave is anybody's";
  EXPECT_LE(static_cast<double>(flooded), left + rate * 0.4) << "two bursts";
}

TEST_P(Fairness, WhoStaysBelowItsShareLosesNothingToOneThatFloods) {
  Party party(GetParam(), limits());
  flood(party, GetParam(), rate());
}

TEST_P(Fairness, NorWhereSessionsAreLeased) {
  Party party(GetParam(), limits());
  party.world.relay->set_fast_path(party.lane);
  flood(party, GetParam(), rate());
  EXPECT_GT(party.lane.taken, 0u);
}

TEST_P(Fairness, AllThatFloodGetTheirShare) {
  Party party(GetParam(), limits());
  std::array<std::uint64_t, kPlayers> through{};
  for (int ms = 0; ms < 10'000; ++ms) {
    party.world.now += 1ms;
    for (const std::size_t from : {1, 2, 3})  // always in this order
      for (int i = 0; i < 10; ++i)
        through[from] += party.send(from);
  }
  const double share = rate() / kPlayers * 10;
  for (const std::size_t from : {1, 2, 3})
    EXPECT_GE(static_cast<double>(through[from]), share * 0.99) << from;
  EXPECT_LE(static_cast<double>(through[1] + through[2] + through[3]), rate() * 10.4);
}

TEST_P(Fairness, SharesGrowWhenSomebodyLeaves) {
  Party party(GetParam(), limits());
  const auto most_of = [&](std::size_t from) {  // in a second, while another floods
    std::uint64_t through = 0;
    for (int ms = 0; ms < 1000; ++ms) {
      party.world.now += 1ms;
      for (int i = 0; i < 50; ++i)  // takes whatever is nobody's share
        party.send(1);
      for (int i = 0; i < 10; ++i)
        through += party.send(from);
    }
    return static_cast<double>(through);
  };
  most_of(2);
  EXPECT_LE(most_of(2), rate() / 4 * 1.1);
  party.world.now += 4min;
  for (const std::size_t stays : {0, 1, 2}) {
    stun::Datagrams out;
    party.players[stays].bind->start(party.world.now, out);
    party.world.exchange(party.players[stays], out);
  }
  party.world.now += 61s;
  party.world.relay->on_timeout(party.world.now);
  ASSERT_EQ(party.world.relay->clients(), 3u);
  for (std::uint32_t i = 1; i < 3; ++i)
    party.world.shake_hands(party.players[i], i, party.players[0], 100 + i);
  most_of(2);
  const double more = most_of(2);
  EXPECT_GE(more, rate() / 3 * 0.95);
  EXPECT_LE(more, rate() / 3 * 1.1);
}

INSTANTIATE_TEST_SUITE_P(Limits, Fairness,
                         testing::Values(Scene{"BytesOfAParty", &Limits::group_bytes, kBytes, false,
                                               100, DropReason::group_rate},
                                         Scene{"PacketsOfAParty", &Limits::group_packets, kPackets,
                                               false, 32, DropReason::group_packet_rate},
                                         Scene{"BytesOfAnAddress", &Limits::address_bytes, kBytes,
                                               true, 100, DropReason::address_rate},
                                         Scene{"PacketsOfAnAddress", &Limits::address_packets,
                                               kPackets, true, 32,
                                               DropReason::address_packet_rate}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(FairHandshakes, OneThatFloodsLeavesOthersTheirs) {
  Limits limits;
  limits.initiations_a_client = limits.initiations_a_pair = {1'000, 1'000};
  limits.initiations_a_group = {8, 16};
  World world(limits);
  std::vector<Player> players;
  for (int i = 1; i <= 4; ++i)
    players.push_back(world.bound(1, "198.51.100." + std::to_string(i) + ":1000"));
  SeededRandom keys(3);
  for (std::uint32_t step = 0; step < 1'000; ++step) {
    world.now += 100ms;
    for (int i = 0; i < 10; ++i)
      world.send(players[0].endpoint, initiation(step, keys.array<32>()));
    if (step % 10 == 0)  // one a second, of a share of two
      expect_forward(world.send(players[1].endpoint, initiation(step, players[2].mac1_key)),
                     players[2].endpoint);
  }
  EXPECT_GT(world.relay->counters().dropped(DropReason::group_initiation_rate), 5'000u);
}

TEST(FairAddresses, StrangersThatShareACellDontStarveEachOther) {
  Limits limits;
  limits.address_cells = 1;  // as when hashes fall together
  limits.address_packets = {400, 80};
  World world(limits);
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.2:1000");
  Player x = world.bound(2, "192.0.2.1:1000");
  Player y = world.bound(2, "192.0.2.2:1000");
  world.shake_hands(a, 1, b, 2);
  world.shake_hands(x, 3, y, 4);
  for (int ms = 0; ms < 5'000; ++ms) {
    world.now += 1ms;
    for (int i = 0; i < 10; ++i)
      world.send(a.endpoint, data(2));
    if (ms % 11 == 0) expect_forward(world.send(x.endpoint, data(4)), y.endpoint);
  }
  EXPECT_GT(world.relay->counters().dropped(DropReason::address_packet_rate), 10'000u);
}

TEST(FairAddresses, AClientThatMovesTakesItsPlaceAlong) {
  Limits limits;
  limits.address_packets = {100, 20};
  World world(limits);
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "198.51.100.1:2000");
  world.shake_hands(a, 1, b, 2);
  const auto at_once = [&] {
    world.now += 10s;
    int through = 0;
    while (world.send(a.endpoint, data(2)).kind == Verdict::Kind::forward)
      ++through;
    return through;
  };
  const auto move = [&](Player& who, const char* to) {
    who.endpoint = *Endpoint::parse(to);
    stun::Datagrams out;
    who.bind->start(world.now, out);
    world.exchange(who, out);
  };
  EXPECT_EQ(at_once(), 20 + 10) << "of two";
  move(b, "198.51.100.9:1000");
  EXPECT_EQ(at_once(), 20 + 20) << "alone";
  move(b, "198.51.100.1:3000");
  EXPECT_EQ(at_once(), 20 + 10);
  Player next = world.bound(2, "198.51.100.1:3000");  // takes b's address
  EXPECT_EQ(at_once(), 0) << "its receiver has none";
  move(b, "198.51.100.9:1000");
  EXPECT_EQ(at_once(), 20 + 10);
}

}  // namespace
}  // namespace lanrage::relay
