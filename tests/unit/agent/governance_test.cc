// Who may kick, invite and change the party key, and what happens when the party moves on while
// they do.
#include "agent/governance.hpp"

#include <algorithm>

#include "unit/agent/governed_world.hpp"

namespace lanrage::agent::test {
namespace {

using party::code_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

using KickTest = GovernedWorld;

TEST_F(KickTest, TheHostKicks) {
  const auto ann = view(world.host);
  const auto kicked = run(Governance(ann).kick(dan.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok") << kicked.error().message();
  EXPECT_THAT(kicked->removed, ElementsAre(dan.peer_id()));
  EXPECT_THAT(kicked->dropped, testing::Contains(joined_by.at(dan.peer_id())));
  EXPECT_FALSE(is_member(dan));
  EXPECT_EQ(world.ledger().invite(joined_by.at(dan.peer_id())), nullptr);
  EXPECT_NE(world.ledger().invite(joined_by.at(cleo.peer_id())), nullptr);
  EXPECT_TRUE(is_member(cleo));
}

TEST_F(KickTest, WhoKickedKnowsAtOnce) {
  const auto ann = view(world.host);
  const auto kicked = run(Governance(ann).kick(dan.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok");
  EXPECT_EQ(ann->ledger().head(), world.ledger().head());
  EXPECT_EQ(kicked->key_epoch, world.ledger().key_epoch());
  EXPECT_EQ(ann->party_key().epoch(), kicked->key_epoch);
  EXPECT_EQ(ann->party_key().commitment(world.made.id), world.ledger().roster().key_commitment);
}

TEST_F(KickTest, TheOthersHaveYetToConfirm) {
  const auto kicked = run(Governance(view(world.host)).kick(dan.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok");
  EXPECT_TRUE(kicked->receipts.confirmed.empty());
  EXPECT_THAT(kicked->receipts.waiting, UnorderedElementsAre(bob.peer_id(), cleo.peer_id()));
}

TEST_F(KickTest, ADeputyKicksByItsIdentity) {
  const auto kicked = run(Governance(view(bob)).kick(dan.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok");
  EXPECT_FALSE(is_member(dan));
  EXPECT_EQ(world.ledger().roster().signer, bob.identity.public_key());
}

TEST_F(KickTest, OthersAreToldWhoCan) {
  const auto member = view(cleo);
  const auto refused = run(Governance(member).kick(dan.peer_id()));
  ASSERT_EQ(code_of(refused), "not_allowed");
  EXPECT_EQ(refused.error().message(), "only the host and deputies can kick; Ann and Bob can");
  EXPECT_EQ(member->rules().commands, 0);
}

TEST_F(KickTest, NobodyIsLeftWhoCan) {
  EXPECT_EQ(code_of(world.leave(bob)), "ok");
  EXPECT_EQ(code_of(world.leave(world.host)), "ok");
  const auto refused = run(Governance(view(cleo)).kick(dan.peer_id()));
  ASSERT_EQ(code_of(refused), "not_allowed");
  EXPECT_EQ(refused.error().message(),
            "only the host and deputies can kick; none of them is in the party any more");
}

TEST_F(KickTest, WhoCannotBeKicked) {
  EXPECT_EQ(code_of(run(Governance(view(world.host)).kick(world.host.peer_id()))), "that_is_you");
  EXPECT_EQ(code_of(run(Governance(view(cleo)).kick(cleo.peer_id()))), "that_is_you");

  const auto host = run(Governance(view(bob)).kick(world.host.peer_id()));
  ASSERT_EQ(code_of(host), "host_stays");
  EXPECT_THAT(host.error().message(), HasSubstr("Ann is the party's host"));

  EXPECT_EQ(code_of(world.change_charter({{}, {{bob.peer_id(), cleo.peer_id()}}})), "ok");
  const auto deputy = run(Governance(view(bob)).kick(cleo.peer_id()));
  ASSERT_EQ(code_of(deputy), "deputy_stays");
  EXPECT_EQ(deputy.error().message(), "Cleo is a deputy; only the host, Ann, can kick deputies");
}

TEST_F(KickTest, AKickedDeputyComesBackAsAMember) {
  const auto ann = view(world.host);
  ASSERT_EQ(code_of(run(Governance(ann).kick(bob.peer_id()))), "ok");
  EXPECT_FALSE(is_member(bob));
  world.key = ann->party_key();
  admit(bob, "Bob");
  EXPECT_TRUE(is_member(bob));
  EXPECT_FALSE(world.ledger().may_govern(bob.identity.public_key()));
}

// ---- races

TEST_F(KickTest, AJoinInBetweenIsNotLost) {
  const auto ann = view(world.host);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false)) admit(eve, "Eve");
  };
  const auto kicked = run(Governance(ann).kick(dan.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok");
  EXPECT_FALSE(is_member(dan));
  EXPECT_TRUE(is_member(eve));
  EXPECT_NE(world.party.box_for(eve.box.public_key()), nullptr) << "the new key is for Eve as well";
  EXPECT_EQ(ann->rules().commands, 2);
  EXPECT_EQ(ann->rules().fetches, 1);
}

TEST_F(KickTest, TwoWhoKickAtOnceAreBothDone) {
  const auto ann = view(world.host);
  const auto deputy = view(bob);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false))
      EXPECT_EQ(code_of(run(Governance(deputy).kick(cleo.peer_id()))), "ok");
  };
  const auto kicked = run(Governance(ann).kick(dan.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok");
  EXPECT_FALSE(is_member(cleo));
  EXPECT_FALSE(is_member(dan));
  EXPECT_EQ(kicked->key_epoch, 3u);
  EXPECT_EQ(ann->party_key().epoch(), 3u);
}

TEST_F(KickTest, ChangesBetweenDemotionAndKickDoNoHarm) {
  const auto ann = view(world.host);
  ann->rules().before = [&, n = 0]() mutable {
    if (++n <= 3) rename(cleo, "Cleo " + std::to_string(n));
  };
  const auto kicked = run(Governance(ann).kick(bob.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok") << kicked.error().message();
  EXPECT_FALSE(is_member(bob));
  EXPECT_TRUE(world.ledger().charter().deputies.empty());
}

TEST_F(KickTest, WhoIsOutrunForEverGivesUp) {
  const auto ann = view(world.host);
  ann->rules().before = [&, n = 0]() mutable { rename(cleo, "Cleo " + std::to_string(++n)); };
  const auto kicked = run(Governance(ann).kick(dan.peer_id()));
  ASSERT_EQ(code_of(kicked), "stale_epoch");
  EXPECT_EQ(ann->rules().commands, 10);
  EXPECT_TRUE(is_member(dan));
}

TEST_F(KickTest, WhoLeavesMeanwhileIsGone) {
  const auto ann = view(world.host);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false)) EXPECT_EQ(code_of(world.leave(dan)), "ok");
  };
  EXPECT_EQ(code_of(run(Governance(ann).kick(dan.peer_id()))), "gone");
  EXPECT_EQ(ann->rules().commands, 1);
}

TEST_F(KickTest, WhoIsDemotedMeanwhileMayNot) {
  const auto deputy = view(bob);
  deputy->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false))
      EXPECT_EQ(code_of(world.change_charter({{}, std::set<PeerId>{}})), "ok");
  };
  EXPECT_EQ(code_of(run(Governance(deputy).kick(dan.peer_id()))), "not_allowed");
  EXPECT_TRUE(is_member(dan));
}

TEST_F(KickTest, AServerThatKnowsNothingNewerIsNotAskedAgain) {
  const auto ann = view(world.host);
  ann->rules().failure = Error(protocol::Errc::stale_epoch, "made against an older state");
  EXPECT_EQ(code_of(run(Governance(ann).kick(dan.peer_id()))), "stale_epoch");
  EXPECT_EQ(ann->rules().commands, 1);
}

TEST_F(KickTest, ASilentServerIsNotAskedForItsLog) {
  const auto ann = view(world.host);
  ann->rules().failure = Error(protocol::Errc::unavailable, "not now");
  EXPECT_EQ(code_of(run(Governance(ann).kick(dan.peer_id()))), "unavailable");
  EXPECT_EQ(ann->rules().fetches, 0);
}

}  // namespace
}  // namespace lanrage::agent::test
