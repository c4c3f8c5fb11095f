// Members, or a member and its server, who have two histories.
#include "unit/trust/party_trust_fixture.hpp"

namespace lanrage::trust {
namespace {

class SplitTest : public PartyTrustTest {
 protected:
  SplitTest() : mine_(history_), theirs_(history_) {}
  // Each was shown one of them; then they meet.
  void meet_split(Duration time = 9s) {
    a_ = &add(host_, mine_, mine_.key);
    b_ = &add(bob_, theirs_, theirs_.key);
    shake_hands(*a_, *b_);
    run_for(time);
  }
  History mine_, theirs_;
};

TEST_F(SplitTest, AnUndecidedOneIsReportedByBothAndEachGoesOn) {
  mine_.join(dan_);
  theirs_.state(cat_, "cat");
  meet_split();
  EXPECT_TRUE(a_->raised(Topic::member_split, b_->id()));
  EXPECT_TRUE(b_->raised(Topic::member_split, a_->id()));
  run_for(60s);
  EXPECT_EQ(a_->findings.size(), 1u);
  EXPECT_EQ(b_->findings.size(), 1u);
  EXPECT_EQ(a_->trust.log().records(), mine_.log);
  EXPECT_EQ(b_->trust.log().records(), theirs_.log);
  EXPECT_TRUE(same_preshared_key()) << "of the key before";
  // The host decides: a roster on its history.
  event(*a_, mine_.rotate(mine_.made.root), mine_.box_for(host_));
  run_for(9s);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
  EXPECT_TRUE(b_->trust.key_is_current());
  EXPECT_TRUE(b_->healed(Topic::member_split, a_->id()));
  EXPECT_TRUE(a_->healed(Topic::member_split, b_->id()));
  EXPECT_TRUE(same_preshared_key());
}

TEST_F(SplitTest, ADecidedOneIsReportedByBothThoughItHealsAtOnce) {
  mine_.kick(cat_);
  theirs_.join(dan_);
  // Both still have the key of before: their tunnel lives.
  a_ = &add(host_, history_, history_.key);
  b_ = &add(bob_, theirs_, theirs_.key);
  shake_hands(*a_, *b_);
  event(*a_, mine_.since(history_.log.size()), mine_.box_for(host_));
  run_for(9s);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
  EXPECT_EQ(b_->trust.ledger().member(dan_.peer_id()), nullptr);
  for (const auto& [one, other] : {std::pair{a_, b_}, std::pair{b_, a_}}) {
    EXPECT_EQ(one->count(Topic::member_split), 2u);
    EXPECT_TRUE(one->healed(Topic::member_split, other->id()));
  }
}

TEST_F(SplitTest, OneWhoseEndLiesFarBackIsReportedByBoth) {
  for (int i = 0; i < 40; ++i)
    mine_.state(cat_, "cat" + std::to_string(i));
  mine_.kick(cat_);
  theirs_.join(dan_);
  a_ = &add(host_, mine_, history_.key);
  b_ = &add(bob_, theirs_, theirs_.key);
  shake_hands(*a_, *b_);
  run_for(9s);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
  EXPECT_GT(a_->count(Topic::member_split), 0u);
  EXPECT_GT(b_->count(Topic::member_split), 0u);
}

// A member can say that it has anything.
TEST_F(SplitTest, APointThatNobodySignedIsNoHistory) {
  meet();
  crypto::Hash made_up{};
  made_up.fill(1);
  const auto common = b_->trust.log().head_at(1);
  const StateMessage state{
      b_->trust.keys().newest_id(), {}, {}, {{history_.log.size(), made_up}, common}};
  in_flight_.clear();
  take(*b_, b_->trust.on_datagram(now_, a_->id(), encode(state)));
  EXPECT_FALSE(in_flight_.empty()) << "is asked for it";
  in_flight_.clear();
  EXPECT_TRUE(b_->findings.empty());
}

// Where neither what it says that it has nor what has come shows that it is another by now.
TEST_F(SplitTest, WhoeverChangesHistoryIsHeardAtOnce) {
  for (int i = 0; i < 40; ++i)
    theirs_.state(cat_, "cat" + std::to_string(i));
  mine_.rotate(mine_.made.root);
  for (int i = 0; i < 42; ++i)
    mine_.state(cat_, "tom" + std::to_string(i));
  a_ = &add(host_, theirs_, theirs_.key);
  b_ = &add(bob_, history_, history_.key);
  int parts = 0;
  lose = [&](const Bytes& datagram) { return datagram[1] == 3 && ++parts > 10; };
  shake_hands(*a_, *b_);
  run_for(100ms);
  snapshot(*a_, mine_, mine_.box_for(host_));
  ASSERT_EQ(a_->trust.log().records(), mine_.log);
  lose = nullptr;
  run_for(2s);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
}

// The server's event of a branch is judged like its snapshot.
TEST_F(SplitTest, TheServersOtherHistoryIsReported) {
  meet();
  mine_.join(dan_);
  theirs_.state(cat_, "cat");
  snapshot(*a_, mine_);
  snapshot(*a_, theirs_);
  EXPECT_TRUE(a_->raised(Topic::server_split));
  EXPECT_EQ(a_->trust.log().records(), mine_.log);
  event(*a_, theirs_.state(cat_, "again"));
  EXPECT_EQ(a_->trust.log().records(), mine_.log);
  EXPECT_EQ(a_->snapshots_wanted, 1);
  snapshot(*a_, mine_);
  EXPECT_TRUE(a_->healed(Topic::server_split));
}

TEST_F(SplitTest, AMembersHistoryThatReplacesOursLeavesTheServerBehind) {
  meet();
  event(*b_, theirs_.join(dan_));
  in_flight_.clear();
  event(*a_, mine_.kick(cat_), mine_.box_for(host_));
  run_for(5s);
  ASSERT_EQ(b_->trust.log().records(), mine_.log);
  event(*b_, theirs_.state(dan_, "dan"));
  EXPECT_FALSE(b_->raised(Topic::server_record_refused)) << "its record was right where it stands";
  EXPECT_EQ(b_->snapshots_wanted, 1);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
}

// A server restored from a backup forgot Bob's kick, and Cat, a deputy as well, made a roster that
// keeps all: on it somebody joins.
TEST_F(SplitTest, WhileTwoDeputiesDisagreeNewcomersGetNoTunnel) {
  history_.deputies({bob_.peer_id(), cat_.peer_id()});
  const auto eve = make_device(random_);
  history_.join(eve);
  auto bobs = history_, cats = history_;
  bobs.rotate(bob_.identity, {eve.peer_id()});
  cats.rotate(cat_.identity);
  cats.rotate(cat_.identity);  // so this one is followed
  cats.join(dan_);
  a_ = &add(host_, cats, cats.key);
  b_ = &add(bob_, bobs, bobs.key);
  EXPECT_NE(a_->access(dan_.peer_id()), nullptr);
  shake_hands(*a_, *b_);
  run_for(5s);
  for (auto* machine : {a_, b_}) {
    ASSERT_EQ(machine->trust.ledger().head(), cats.ledger.head());
    EXPECT_EQ(machine->access(eve.peer_id()), nullptr) << "kicked by one of them";
    EXPECT_EQ(machine->access(dan_.peer_id()), nullptr) << "let in by the other alone";
    EXPECT_NE(machine->access(cat_.peer_id()), nullptr);
  }
  // The host's next roster names Dan and leaves out Eve.
  const auto decided = cats.kick(eve);
  event(*a_, decided);
  run_for(2s);
  for (auto* machine : {a_, b_}) {
    EXPECT_NE(machine->access(dan_.peer_id()), nullptr);
    EXPECT_EQ(machine->access(eve.peer_id()), nullptr);
  }
}

}  // namespace
}  // namespace lanrage::trust
