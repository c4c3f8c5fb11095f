// How a device's party key follows the rosters that change it.
#include "trust/key_ring.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "party/membership.hpp"
#include "party/new_party.hpp"

namespace lanrage::trust {
namespace {

using Outcome = KeyRing::Outcome;
const UnixTime kNow{std::chrono::seconds(1'800'000'000)};

class KeyRingTest : public testing::Test {
 protected:
  KeyRingTest()
      : host_{crypto::SigningKey::generate(random_), crypto::ExchangeSecret::generate(random_),
              crypto::ExchangeSecret::generate(random_)} {
    party::PartyOptions options;
    options.name = "fun";
    made_ = party::create_party(random_, options, host_, "ann", kNow).value();
    const std::vector<Bytes> log{made_->charter, made_->roster, made_->statement};
    ledger_ = party::Ledger::replay(made_->id, log).value();
  }
  party::Rotation rotate() {
    auto rotation = party::build_rotation(random_, *ledger_, made_->root, {}, kNow).value();
    EXPECT_TRUE(ledger_->append(rotation.roster));
    return rotation;
  }
  Bytes box_for_host(const party::Rotation& rotation) {
    for (const auto& box : rotation.boxes)
      if (box.recipient == host_.box.public_key()) return box.box;
    ADD_FAILURE() << "no box for the host";
    return {};
  }
  Outcome follow(KeyRing& ring, const std::optional<Bytes>& box) {
    return ring.follow(*ledger_, host_.box, box).outcome;
  }

  SeededRandom random_{7};
  party::DeviceKeys host_;
  std::optional<party::NewParty> made_;
  std::optional<party::Ledger> ledger_;
};

TEST_F(KeyRingTest, IsCurrentUntilARosterChangesIt) {
  KeyRing ring(made_->id, made_->key);
  EXPECT_TRUE(ring.is_current(*ledger_));
  EXPECT_EQ(follow(ring, std::nullopt), Outcome::current);
  rotate();
  EXPECT_FALSE(ring.is_current(*ledger_));
}

TEST_F(KeyRingTest, TheBoxBringsTheNewKey) {
  KeyRing ring(made_->id, made_->key);
  const auto rotation = rotate();
  EXPECT_EQ(follow(ring, box_for_host(rotation)), Outcome::taken);
  EXPECT_TRUE(ring.newest() == rotation.key);
  EXPECT_EQ(follow(ring, std::nullopt), Outcome::current);
}

TEST_F(KeyRingTest, WithoutABoxTheOldKeyStays) {
  KeyRing ring(made_->id, made_->key);
  const auto rotation = rotate();
  EXPECT_EQ(follow(ring, std::nullopt), Outcome::missing);
  EXPECT_TRUE(ring.newest() == made_->key);
  EXPECT_EQ(follow(ring, box_for_host(rotation)), Outcome::taken);
}

TEST_F(KeyRingTest, ABoxThatDoesNotOpenIsRefusedAndSaysWhy) {
  KeyRing ring(made_->id, made_->key);
  rotate();
  const auto followed = ring.follow(*ledger_, host_.box, made_->boxes[1].box);
  EXPECT_EQ(followed.outcome, Outcome::missing);
  ASSERT_TRUE(followed.why.has_value());
  EXPECT_EQ(followed.why->code(), "box_unreadable");
  EXPECT_TRUE(ring.newest() == made_->key);
}

TEST_F(KeyRingTest, AServersOwnKeyIsRefused) {
  KeyRing ring(made_->id, made_->key);
  rotate();
  const auto forged = party::PartyKey::generate(random_, 2);
  const auto box = party::seal_party_key(
      random_, {forged, made_->root.public_key(), ledger_->roster_hash()}, host_.box.public_key());
  const auto followed = ring.follow(*ledger_, host_.box, box->box);
  EXPECT_EQ(followed.outcome, Outcome::missing);
  EXPECT_EQ(followed.why->code(), "key_mismatch");
}

TEST_F(KeyRingTest, ABoxThatComesBeforeItsRosterWaits) {
  KeyRing ring(made_->id, made_->key);
  rotate();
  const auto first = *ledger_;
  const auto newest = rotate();
  // The first of two rosters, with the only box that a server has: that of the second one.
  EXPECT_EQ(ring.follow(first, host_.box, box_for_host(newest)).outcome, Outcome::missing);
  EXPECT_EQ(follow(ring, std::nullopt), Outcome::taken);
  EXPECT_TRUE(ring.newest() == newest.key);
}

TEST_F(KeyRingTest, OlderKeysAreKeptByName) {
  KeyRing ring(made_->id, made_->key);
  const auto first = ring.newest_id();
  follow(ring, box_for_host(rotate()));
  const auto second = ring.newest_id();
  EXPECT_EQ(ring.ids(), (std::vector{first, second}));
  ASSERT_NE(ring.find(first), nullptr);
  EXPECT_TRUE(*ring.find(first) == made_->key);
  EXPECT_EQ(ring.find(KeyId{1, {}}), nullptr) << "the epoch alone names no key";
  // As kept on disk.
  const KeyRing again(made_->id, ring.newest(), ring.older());
  EXPECT_EQ(again.ids(), ring.ids());
}

TEST_F(KeyRingTest, TheOldestGoFirst) {
  KeyRing ring(made_->id, made_->key);
  for (int i = 0; i < 6; ++i)
    follow(ring, box_for_host(rotate()));
  EXPECT_EQ(ring.ids().size(), KeyRing::kMaxOlder + 1);
  EXPECT_EQ(ring.ids().front().epoch, 3u);
  EXPECT_EQ(ring.newest_id().epoch, 7u);
}

TEST_F(KeyRingTest, OnlyKeysInUseAreRetained) {
  KeyRing ring(made_->id, made_->key);
  const auto first = ring.newest_id();
  follow(ring, box_for_host(rotate()));
  const auto second = ring.newest_id();
  follow(ring, box_for_host(rotate()));
  EXPECT_TRUE(ring.retain({first}));
  EXPECT_EQ(ring.find(second), nullptr);
  EXPECT_FALSE(ring.retain({first}));
  EXPECT_TRUE(ring.retain({})) << "the newest stays of itself";
  EXPECT_EQ(ring.ids(), std::vector{key_id(ledger_->roster())});
}

// Another history may be followed that goes on from a roster of before.
TEST_F(KeyRingTest, AKeyOfBeforeBecomesTheNewestAgain) {
  KeyRing ring(made_->id, made_->key);
  const auto before = *ledger_;
  const auto first = ring.newest_id();
  follow(ring, box_for_host(rotate()));
  EXPECT_EQ(ring.follow(before, host_.box, std::nullopt).outcome, Outcome::taken);
  EXPECT_EQ(ring.newest_id(), first);
  EXPECT_EQ(ring.ids().size(), 2u);
}

TEST_F(KeyRingTest, ABoxOfTheKeyThatIsHereIsNoWrongOneLater) {
  KeyRing ring(made_->id, made_->key);
  const auto rotation = rotate();
  follow(ring, box_for_host(rotation));
  follow(ring, box_for_host(rotation));  // with the next snapshot
  rotate();
  const auto followed = ring.follow(*ledger_, host_.box, std::nullopt);
  EXPECT_EQ(followed.outcome, Outcome::missing);
  EXPECT_FALSE(followed.why) << "there was no box";
}

}  // namespace
}  // namespace lanrage::trust
