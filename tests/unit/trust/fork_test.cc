// Which of two histories counts, and who is out because of the other.
#include "trust/fork.hpp"

#include <gtest/gtest.h>

#include "unit/trust/fixture.hpp"

namespace lanrage::trust {
namespace {

class ForkTest : public testing::Test {
 protected:
  ForkTest() {
    for (const auto* device : {&dora_, &dirk_, &mia_, &max_})
      past_.join(*device);
    past_.deputies({dora_.peer_id(), dirk_.peer_id()});
  }
  std::vector<Bytes> after(const History& history) const { return history.since(past_.log.size()); }
  // As `a` decides; `b` must decide alike.
  Choice verdict(const History& a, const History& b) {
    const auto root = past_.made.root.public_key();
    const auto at_a = choose(after(a), after(b), root);
    const auto at_b = choose(after(b), after(a), root);
    const auto turned = at_a == Choice::ours     ? Choice::theirs
                        : at_a == Choice::theirs ? Choice::ours
                                                 : Choice::undecided;
    EXPECT_EQ(at_b, turned);
    return at_a;
  }
  std::set<PeerId> out_of(const History& followed, const History& other) const {
    return overruled(past_.ledger, after(other), after(followed), followed.ledger).outcasts;
  }

  std::set<InviteId> invites_out_of(const History& followed, const History& other) const {
    return overruled(past_.ledger, after(other), after(followed), followed.ledger).invites;
  }

  SeededRandom random_{11};
  party::DeviceKeys host_ = make_device(random_);
  party::DeviceKeys dora_ = make_device(random_);  // deputies
  party::DeviceKeys dirk_ = make_device(random_);
  party::DeviceKeys mia_ = make_device(random_);
  party::DeviceKeys max_ = make_device(random_);
  party::DeviceKeys new_ = make_device(random_);
  History past_{random_, host_};
};

TEST_F(ForkTest, TheRootKeysRosterComesBeforeDeputies) {
  auto root = past_;
  root.rotate(past_.made.root);
  auto deputy = past_;
  deputy.rotate(dora_.identity);
  EXPECT_EQ(verdict(root, deputy), Choice::ours);
  deputy.rotate(dora_.identity);  // more of them don't help
  deputy.rotate(dirk_.identity);
  EXPECT_EQ(verdict(root, deputy), Choice::ours);
}

TEST_F(ForkTest, ADeputysRosterComesBeforeNone) {
  auto deputy = past_;
  deputy.rotate(dora_.identity);
  auto none = past_;
  none.join(new_);
  EXPECT_EQ(verdict(deputy, none), Choice::ours);
}

TEST_F(ForkTest, WithoutRostersNothingIsDecided) {
  auto a = past_;
  a.join(new_);
  auto b = past_;
  b.state(mia_, "mia");
  EXPECT_EQ(verdict(a, b), Choice::undecided);
}

TEST_F(ForkTest, OfEqualsTheLaterEpochThenTheSmallerHash) {
  auto a = past_;
  a.rotate(dora_.identity);
  auto b = past_;
  b.rotate(dirk_.identity);
  const bool a_smaller = party::record_hash(after(a)[0]) < party::record_hash(after(b)[0]);
  EXPECT_EQ(verdict(a, b), a_smaller ? Choice::ours : Choice::theirs);
  a.rotate(dora_.identity);
  EXPECT_EQ(verdict(a, b), Choice::ours);
  b.rotate(dora_.identity);
  b.rotate(dora_.identity);
  EXPECT_EQ(verdict(a, b), Choice::theirs);
}

// A charter names no history: the server may repeat it in one that it makes up.
TEST_F(ForkTest, ARepeatedCharterDoesNotUndoAKick) {
  auto truth = past_;
  const auto promotion = truth.deputies({dora_.peer_id(), dirk_.peer_id(), mia_.peer_id()});
  truth.kick(dora_);
  auto forged = past_;
  for (int i = 0; i < 3; ++i)
    forged.rotate(dora_.identity);
  forged.add(promotion[0]);
  EXPECT_EQ(verdict(truth, forged), Choice::ours);
}

TEST_F(ForkTest, ChartersAloneDecideNothing) {
  auto a = past_;
  a.deputies({mia_.peer_id()});
  auto b = past_;
  b.deputies({max_.peer_id()});
  EXPECT_EQ(verdict(a, b), Choice::undecided);
}

TEST_F(ForkTest, WhomDeputiesLeaveOutAnywhereIsOut) {
  auto a = past_;
  a.rotate(dora_.identity, {mia_.peer_id()});
  auto b = past_;
  b.rotate(dirk_.identity, {max_.peer_id()});
  EXPECT_EQ(out_of(a, b), std::set{max_.peer_id()});
  EXPECT_EQ(out_of(b, a), std::set{mia_.peer_id()});
}

TEST_F(ForkTest, WhomTheRootKeyNamesStays) {
  auto a = past_;
  a.rotate(past_.made.root);
  auto b = past_;
  b.rotate(dirk_.identity, {max_.peer_id()});
  EXPECT_EQ(out_of(a, b), std::set<PeerId>{});
}

TEST_F(ForkTest, WhatTheRootKeyDecidedADeputysLaterRosterDoesNotUndo) {
  auto a = past_;
  a.rotate(past_.made.root);
  a.rotate(dirk_.identity);
  auto b = past_;
  b.rotate(dora_.identity, {mia_.peer_id(), max_.peer_id()});
  EXPECT_EQ(out_of(a, b), std::set<PeerId>{});
}

TEST_F(ForkTest, AnInviteThatADeputyRevokedAnywhereIsOut) {
  auto keeps = past_;
  keeps.rotate(dora_.identity);
  auto revokes = past_;
  revokes.rotate(dirk_.identity, {}, {past_.invite()});
  EXPECT_EQ(invites_out_of(keeps, revokes), std::set{past_.invite()});
  EXPECT_EQ(invites_out_of(revokes, keeps), std::set<InviteId>{});
  auto agrees = keeps;
  agrees.rotate(dora_.identity, {}, {past_.invite()});
  EXPECT_EQ(invites_out_of(agrees, revokes), std::set<InviteId>{}) << "nobody can use it there";
  keeps.rotate(past_.made.root);
  EXPECT_EQ(invites_out_of(keeps, revokes), std::set<InviteId>{}) << "the root key kept it";
}

TEST_F(ForkTest, WhoLeftByItselfThereIsNotOutHere) {
  auto a = past_;
  a.rotate(dora_.identity);
  auto b = past_;
  b.leave(max_);
  EXPECT_EQ(out_of(a, b), std::set<PeerId>{});
}

}  // namespace
}  // namespace lanrage::trust
