// Whoever comes back, and what it waits for before it talks.
#include "unit/trust/party_trust_fixture.hpp"

namespace lanrage::trust {
namespace {

// Its disk is older than what it had told: the other still takes it for up to date.
TEST_F(PartyTrustTest, WhoeverComesBackWithLessIsToldTheRest) {
  const auto before = history_;
  history_.state(cat_, "cat");
  meet();
  machines_.pop_back();
  b_ = &add(bob_, before, before.key, false);
  shake_hands(*a_, *b_);
  run_for(5s);
  EXPECT_EQ(b_->trust.log().length(), history_.log.size());
}

TEST_F(PartyTrustTest, WhoeverComesBackWaitsForAWordOfTheServer) {
  auto& back = add(bob_, history_, history_.key, false);
  EXPECT_FALSE(back.trust.confirmed());
  EXPECT_FALSE(back.access(host_.peer_id())->may_talk);
  snapshot(back, history_);
  EXPECT_TRUE(back.access(host_.peer_id())->may_talk);
}

TEST_F(PartyTrustTest, AServerThatGetsItsRecordsBackIsWordEnough) {
  const auto old = history_;
  const auto records = history_.join(dan_);
  auto& a = add(host_, history_, history_.key, false);
  take(a, a.trust.on_snapshot(now_, old.log, 3, "restored", std::nullopt));
  EXPECT_FALSE(a.trust.confirmed());
  event(a, records);
  EXPECT_TRUE(a.trust.confirmed());
}

TEST_F(PartyTrustTest, WhoeverComesBackWaitsForAWordOfAMember) {
  const auto before = history_;
  history_.kick(cat_);
  a_ = &add(host_, history_, before.key);  // in an old session with bob
  b_ = &add(bob_, before, before.key, false);
  EXPECT_NE(b_->access(cat_.peer_id()), nullptr);
  shake_hands(*a_, *b_);
  EXPECT_FALSE(b_->trust.confirmed());
  run_for(5s);
  EXPECT_TRUE(b_->trust.confirmed());
  EXPECT_EQ(b_->access(cat_.peer_id()), nullptr) << "before anybody talks";
}

TEST_F(PartyTrustTest, NobodyVouchesForItself) {
  const auto before = history_;
  history_.kick(cat_);
  b_ = &add(bob_, before, before.key, false);  // has heard nothing of it
  auto& cat = add(cat_, before, before.key);
  shake_hands(*b_, cat);
  run_for(5s);
  EXPECT_TRUE(b_->trust.confirmed());
  EXPECT_FALSE(b_->access(cat_.peer_id())->may_talk);
  EXPECT_TRUE(b_->access(host_.peer_id())->may_talk) << "as far as cat can tell";
  // The host knows whom it removed.
  auto& host = add(host_, before, before.key, false);
  shake_hands(host, cat);
  run_for(5s);
  EXPECT_TRUE(host.access(cat_.peer_id())->may_talk);
}

TEST_F(PartyTrustTest, WhoIsBehindVouchesForNothing) {
  const auto before = history_;
  history_.state(cat_, "cat");
  b_ = &add(bob_, history_, history_.key, false);
  a_ = &add(host_, before, before.key);
  const StateMessage state{b_->trust.keys().newest_id(), {}, {}, {a_->trust.log().head()}};
  take(*b_, b_->trust.on_datagram(now_, a_->id(), encode(state)));
  EXPECT_FALSE(b_->trust.confirmed());
  snapshot(*b_, before);
  EXPECT_FALSE(b_->trust.confirmed()) << "a server that has forgotten";
}

TEST_F(PartyTrustTest, AnotherHistoryOfTheServerConfirmsNothing) {
  auto mine = history_;
  mine.join(dan_);
  auto& back = add(bob_, mine, mine.key, false);
  history_.state(cat_, "cat");
  snapshot(back, history_);
  EXPECT_TRUE(back.raised(Topic::server_split));
  take(back, back.trust.on_caught_up(now_, back.trust.log().seq()));
  EXPECT_FALSE(back.trust.confirmed());
}

TEST_F(PartyTrustTest, AMemberAwayForFourRotationsIsFound) {
  const auto before = history_;
  std::vector<party::PartyKey> older{history_.key};
  for (int i = 0; i < 4; ++i) {
    history_.rotate(history_.made.root);
    if (i < 3) older.push_back(history_.key);
  }
  PartyTrust here(now_, {host_.peer_id(), host_.box, host_.wireguard.public_key()}, history_.ledger,
                  history_.log, KeyRing(history_.made.id, history_.key, older), true, random_);
  b_ = &add(bob_, before, before.key, false);
  const auto theirs = b_->access(host_.peer_id())->preshared_key;
  bool met = false;
  for (int turns = 0; turns < 200 && !met; ++turns, now_ += PairKey::kTurn) {
    here.on_timeout(now_);
    for (const auto& row : here.access())
      met |= row.peer == b_->id() && row.preshared_key == theirs;
  }
  EXPECT_TRUE(met);
}

}  // namespace
}  // namespace lanrage::trust
