// Which key a pair uses, as each side decides it by itself.
#include "trust/pair_key.hpp"

#include <gtest/gtest.h>

namespace lanrage::trust {
namespace {

using namespace std::chrono_literals;

const PartyId kParty{{1, 2, 3}};

party::PartyKey key(std::uint32_t epoch) {
  ByteArray<32> bytes;
  bytes.fill(static_cast<std::uint8_t>(epoch));
  return {Secret<32>(bytes), epoch};
}
KeyId id(std::uint32_t epoch) {
  return key_id(kParty, key(epoch));
}
// The keys of these epochs, the newest last.
KeyRing ring(std::vector<std::uint32_t> epochs) {
  std::vector<party::PartyKey> older;
  for (std::size_t i = 0; i + 1 < epochs.size(); ++i)
    older.push_back(key(epochs[i]));
  return {kParty, key(epochs.back()), older};
}

struct Side {
  PairKey pair{Instant{}};
  SeededRandom random{5};
  const KeyId& choose(Duration now, const KeyRing& keys) {
    return pair.choose(Instant{} + now, keys, random);
  }
  void shake(Duration now) { pair.on_handshake(Instant{} + now); }
};

TEST(PairKey, WithoutASessionTheNewestCounts) {
  Side side;
  EXPECT_EQ(side.choose(0s, ring({1})), id(1));
  EXPECT_EQ(side.choose(1s, ring({1, 2})), id(2));
}

TEST(PairKey, ASessionKeepsItsKeyUntilTheOtherStatesTheNewOne) {
  Side side;
  side.choose(0s, ring({1}));
  side.shake(1s);
  EXPECT_EQ(side.choose(2s, ring({1, 2})), id(1));
  side.pair.on_stated(id(1));
  EXPECT_EQ(side.choose(100s, ring({1, 2})), id(1)) << "the other doesn't have the new one";
  side.pair.on_stated(id(2));
  EXPECT_EQ(side.choose(101s, ring({1, 2})), id(2));
}

TEST(PairKey, AKeyStatedBeforeWeHaveItIsUsedOnceWeDo) {
  Side side;
  side.choose(0s, ring({1}));
  side.shake(1s);
  side.pair.on_stated(id(2));
  EXPECT_EQ(side.choose(2s, ring({1})), id(1));
  EXPECT_EQ(side.choose(3s, ring({1, 2})), id(2));
}

TEST(PairKey, OnceTheSessionIsOverTheNewestCountsAlone) {
  Side side;
  side.choose(0s, ring({1}));
  side.shake(10s);
  EXPECT_EQ(side.choose(189s, ring({1, 2})), id(1));
  EXPECT_EQ(side.pair.next_timeout(ring({1, 2})), Instant{} + 190s);
  EXPECT_EQ(side.choose(190s, ring({1, 2})), id(2));
  EXPECT_EQ(side.pair.next_timeout(ring({1, 2})), Instant{} + 190s + PairKey::kPatience);
  EXPECT_EQ(side.choose(189s + PairKey::kPatience, ring({1, 2})), id(2));
}

TEST(PairKey, WhoBeginsAnewHasNoSessionAndTakesItsNewest) {
  Side side;
  side.choose(0s, ring({1}));
  side.shake(10s);
  EXPECT_EQ(side.choose(11s, ring({1, 2})), id(1));
  side.pair.on_restart(Instant{} + 12s);
  EXPECT_EQ(side.choose(12s, ring({1, 2})), id(2));
  EXPECT_EQ(side.pair.next_timeout(ring({1, 2})), Instant{} + 12s + PairKey::kPatience);
}

TEST(PairKey, AfterThePatienceOlderKeysTakeTurnsWithTheNewest) {
  Side side;
  const auto keys = ring({1, 2, 3});
  std::map<KeyId, int> turns;
  side.choose(PairKey::kPatience - 1s, keys);
  for (Duration now = PairKey::kPatience; now < PairKey::kPatience + 200 * 15s; now += 15s) {
    const auto chosen = side.choose(now, keys);
    ++turns[chosen];
    EXPECT_EQ(side.choose(now + 14s, keys), chosen) << "a turn lasts";
    EXPECT_EQ(side.pair.next_timeout(keys), Instant{} + now + 15s);
  }
  EXPECT_GT(turns[id(3)], 60);
  EXPECT_GT(turns[id(2)], 20);
  EXPECT_GT(turns[id(1)], 20);
}

TEST(PairKey, AHandshakeEndsTheTurnsWithTheKeyThatWorked) {
  Side side;
  const auto keys = ring({1, 2});
  Duration now = PairKey::kPatience;
  side.choose(PairKey::kPatience - 1s, keys);
  while (side.choose(now, keys) != id(1))
    now += 15s;
  side.shake(now);
  EXPECT_EQ(side.choose(now + 100s, keys), id(1));
  side.pair.on_stated(id(2));
  EXPECT_EQ(side.choose(now + 101s, keys), id(2));
}

TEST(PairKey, AKeyThatIsForgottenIsNotUsed) {
  Side side;
  side.choose(0s, ring({1}));
  side.shake(1s);
  EXPECT_EQ(side.choose(2s, ring({3, 4})), id(4));
}

TEST(PairKey, WithOneKeyThereIsNothingToWaitFor) {
  Side side;
  side.choose(0s, ring({1}));
  EXPECT_EQ(side.pair.next_timeout(ring({1})), std::nullopt);
}

// Whatever comes late or in another order: while a session lives, a handshake finds both sides with
// the same key, but for the time in which one statement is on its way.
TEST(PairKey, BothSidesChangeWhenEachHasHeardTheOther) {
  SeededRandom random(9);
  const auto old_keys = ring({1});
  const auto new_keys = ring({1, 2});
  const auto old_id = id(1);
  const auto new_id = id(2);
  for (int round = 0; round < 500; ++round) {
    Side a;
    Side b;
    a.choose(0s, old_keys);
    b.choose(0s, old_keys);
    a.shake(0s);
    b.shake(0s);
    // When each gets the new key, and hears of the other's.
    const Duration a_has = std::chrono::seconds(random.below(60));
    const Duration b_has = std::chrono::seconds(random.below(60));
    const Duration a_hears = b_has + std::chrono::seconds(random.below(9));
    const Duration b_hears = a_has + std::chrono::seconds(random.below(9));
    const auto both = std::max({a_has, b_has, a_hears, b_hears});
    const auto first = std::min(std::max(a_has, a_hears), std::max(b_has, b_hears));
    for (Duration now{}; now < 80s; now += 1s) {
      if (now >= a_hears) a.pair.on_stated(new_id);
      if (now >= b_hears) b.pair.on_stated(new_id);
      const auto at_a = a.choose(now, now >= a_has ? new_keys : old_keys);
      const auto at_b = b.choose(now, now >= b_has ? new_keys : old_keys);
      if (now < first) EXPECT_TRUE(at_a == old_id && at_b == old_id);
      if (now >= both) EXPECT_TRUE(at_a == new_id && at_b == new_id);
    }
  }
}

}  // namespace
}  // namespace lanrage::trust
