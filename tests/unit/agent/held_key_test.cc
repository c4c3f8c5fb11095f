// How a device's party key follows the rosters that change it.
#include "agent/held_key.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "party/membership.hpp"
#include "party/new_party.hpp"

namespace lanrage::agent {
namespace {

using Outcome = HeldKey::Outcome;
const UnixTime kNow{std::chrono::seconds(1'800'000'000)};

class HeldKeyTest : public testing::Test {
 protected:
  HeldKeyTest()
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
  Outcome follow(HeldKey& key, const std::optional<Bytes>& box) {
    return key.follow(*ledger_, host_.box, box).outcome;
  }

  SeededRandom random_{7};
  party::DeviceKeys host_;
  std::optional<party::NewParty> made_;
  std::optional<party::Ledger> ledger_;
};

TEST_F(HeldKeyTest, IsCurrentUntilARosterChangesIt) {
  HeldKey key(made_->key);
  EXPECT_TRUE(key.is_current(*ledger_));
  EXPECT_EQ(follow(key, std::nullopt), Outcome::current);
  rotate();
  EXPECT_FALSE(key.is_current(*ledger_));
}

TEST_F(HeldKeyTest, TheBoxBringsTheNewKey) {
  HeldKey key(made_->key);
  const auto rotation = rotate();
  EXPECT_EQ(follow(key, box_for_host(rotation)), Outcome::taken);
  EXPECT_TRUE(key.key() == rotation.key);
  EXPECT_EQ(follow(key, std::nullopt), Outcome::current);
}

TEST_F(HeldKeyTest, WithoutABoxTheOldKeyStays) {
  HeldKey key(made_->key);
  const auto rotation = rotate();
  EXPECT_EQ(follow(key, std::nullopt), Outcome::missing);
  EXPECT_TRUE(key.key() == made_->key);
  EXPECT_EQ(follow(key, box_for_host(rotation)), Outcome::taken);
}

TEST_F(HeldKeyTest, ABoxThatDoesNotOpenIsRefusedAndSaysWhy) {
  HeldKey key(made_->key);
  rotate();
  const auto followed = key.follow(*ledger_, host_.box, made_->boxes[1].box);
  EXPECT_EQ(followed.outcome, Outcome::missing);
  ASSERT_TRUE(followed.why.has_value());
  EXPECT_EQ(followed.why->code(), "box_unreadable");
  EXPECT_TRUE(key.key() == made_->key);
}

TEST_F(HeldKeyTest, AServersOwnKeyIsRefused) {
  HeldKey key(made_->key);
  rotate();
  const auto forged = party::PartyKey::generate(random_, 2);
  const auto box = party::seal_party_key(
      random_, {forged, made_->root.public_key(), ledger_->roster_hash()}, host_.box.public_key());
  const auto followed = key.follow(*ledger_, host_.box, box->box);
  EXPECT_EQ(followed.outcome, Outcome::missing);
  EXPECT_EQ(followed.why->code(), "key_mismatch");
}

TEST_F(HeldKeyTest, ABoxThatComesBeforeItsRosterWaits) {
  HeldKey key(made_->key);
  rotate();
  const auto first = *ledger_;
  const auto newest = rotate();
  // The first of two rosters, with the only box that a server has: that of the second one.
  EXPECT_EQ(key.follow(first, host_.box, box_for_host(newest)).outcome, Outcome::missing);
  EXPECT_EQ(follow(key, std::nullopt), Outcome::taken);
  EXPECT_TRUE(key.key() == newest.key);
}

}  // namespace
}  // namespace lanrage::agent
