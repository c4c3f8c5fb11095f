// By which time a server that went back to a backup judges what members hand back.
#include "hand_back_fixture.hpp"

namespace lanrage::party {
namespace {

TEST_F(HandBackTest, WhatHadEndedWhenItWasForgottenAdmitsNobody) {
  const auto invite = add_invite({2, 1h});
  world.now += 2h;
  back_up();
  EXPECT_EQ(refusal(admission_by(invite)), "record_refused");
}

TEST_F(HandBackTest, AServerThatForgotNothingGoesByItsClock) {
  const auto invite = add_invite({2, 1h});
  back_up();
  backed_up_at = {};
  world.now += 2h;
  EXPECT_EQ(refusal(admission_by(invite)), "record_refused") << "however quiet the party was";
}

TEST_F(HandBackTest, AfterARecordOfItsOwnTheServerGoesByItsClock) {
  const auto invite = add_invite({2, 1h});
  back_up();
  world.now += 2h;
  const auto vip = world.ledger().member(world.host.peer_id())->vip;
  restored_takes(
      world.host,
      Update{build_statement(restored.ledger, world.host.identity, "Anna", vip).value(), {}});
  EXPECT_EQ(refusal(admission_by(invite)), "record_refused");
}

TEST_F(HandBackTest, AClockBehindTheBackupIsGoneBy) {
  const auto invite = add_invite({2, 1h});
  back_up();
  backed_up_at += 3h;
  EXPECT_EQ(refusal(admission_by(invite)), "ok");
}

TEST_F(HandBackTest, WhatHasEndedSinceStillCounts) {
  const auto invite = add_invite({2, 1h});
  back_up();
  ASSERT_EQ(code_of(world.join(bob, invite)), "ok");
  world.now += 48h;
  EXPECT_EQ(refusal(missing()), "ok");
  EXPECT_NE(restored.ledger.member(bob.peer_id()), nullptr);
}

TEST_F(HandBackTest, WhatHasEndedSinceCountsInEveryPiece) {
  const auto invite = add_invite({2, 1h});
  back_up();
  ASSERT_EQ(code_of(world.join(cid, invite)), "ok");
  auto first = missing();
  ASSERT_EQ(code_of(world.join(bob, invite)), "ok");
  auto whole = missing();
  world.now += 48h;
  ASSERT_EQ(refusal(first), "ok");
  // Between the pieces, what is no record.
  restored_takes(world.host, Update{{}, {"symmetric", {}}});
  restored_takes(world.host, Bar{cid.peer_id()});
  EXPECT_EQ(refusal(whole), "ok");
  EXPECT_NE(restored.ledger.member(bob.peer_id()), nullptr);
}

TEST_F(HandBackTest, AJournalOfHintsAloneStillEndsAtTheBackup) {
  world.limits.journal_events = 2;
  const auto invite = add_invite({2, 1h});
  for (const auto* type : {"symmetric", "cone", "open"})
    ASSERT_EQ(code_of(world.run(world.command(world.host, Update{{}, {type, {}}}))), "ok");
  back_up();
  ASSERT_EQ(code_of(world.join(bob, invite)), "ok");
  const auto whole = missing();
  world.now += 48h;
  EXPECT_EQ(refusal(whole), "ok");
}

}  // namespace
}  // namespace lanrage::party
