// Who may kick, invite and change the party key, and what happens when the party moves on while
// they do.
#include "agent/governance.hpp"

#include <algorithm>

#include "agent/invite_clock.hpp"
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

// It might have told everybody but the server a record, to be beyond its reach.
TEST_F(KickTest, ARecordThatTheServerLacksProtectsNobody) {
  const auto ann = view(world.host);
  ann->hear_from_member(party::build_statement(ann->ledger(), cleo.identity, "Clio",
                                               ann->ledger().member(cleo.peer_id())->vip)
                            .value());
  const auto kicked = run(Governance(ann).kick(cleo.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok") << kicked.error().message();
  EXPECT_FALSE(is_member(cleo));
  EXPECT_EQ(ann->ledger().head(), world.ledger().head());
}

TEST_F(KickTest, WhomADeputyRemovedInALostHistoryGoesToo) {
  const auto deputys = view(bob);
  deputys->lost.outcasts = {cleo.peer_id(), world.host.peer_id()};
  const auto kicked = run(Governance(deputys).kick(dan.peer_id()));
  ASSERT_EQ(code_of(kicked), "ok") << kicked.error().message();
  EXPECT_THAT(kicked->removed, UnorderedElementsAre(dan.peer_id(), cleo.peer_id()));
  EXPECT_TRUE(is_member(world.host)) << "no deputy removes the host";
}

TEST_F(KickTest, AnInviteThatADeputyRevokedInALostHistoryGoesToo) {
  const auto deputys = view(bob);
  ASSERT_FALSE(world.ledger().invites().empty());
  const auto leaked = world.ledger().invites().begin()->first;
  deputys->lost.invites = {leaked, InviteId{}};
  const auto rotated = run(Governance(deputys).rotate());
  ASSERT_EQ(code_of(rotated), "ok") << rotated.error().message();
  EXPECT_EQ(world.ledger().invite(leaked), nullptr);
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

// ---- invites

using InviteTest = GovernedWorld;

TEST_F(InviteTest, HostAndDeputiesMakeThem) {
  for (const auto* device : {&world.host, &bob}) {
    const auto made = run(Governance(view(*device)).invite({3, std::chrono::hours(1)}));
    ASSERT_EQ(code_of(made), "ok") << made.error().message();
    const auto* invite = world.ledger().invite(made->id);
    ASSERT_NE(invite, nullptr);
    EXPECT_EQ(invite->terms.uses, 3);
    EXPECT_EQ(invite->issuer, device->peer_id());
    EXPECT_EQ(code_of(world.join(party::make_device(world.random),
                                 party::invite_keys(made->secret, world.made.id))),
              "ok");
  }
  const auto refused = run(Governance(view(cleo)).invite({}));
  ASSERT_EQ(code_of(refused), "not_allowed");
  EXPECT_EQ(refused.error().message(),
            "only the host and deputies can make invites; Ann and Bob can");
}

TEST_F(InviteTest, WhoMadeOneKnowsItAtOnce) {
  const auto ann = view(world.host);
  const auto made = run(Governance(ann).invite({}));
  ASSERT_EQ(code_of(made), "ok");
  EXPECT_NE(ann->ledger().invite(made->id), nullptr);
}

TEST_F(InviteTest, OneMadeAgainstAnOldRosterIsMadeAgain) {
  const auto ann = view(world.host);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false)) EXPECT_EQ(code_of(run(Governance(view(bob)).rotate())), "ok");
  };
  const auto made = run(Governance(ann).invite({}));
  ASSERT_EQ(code_of(made), "ok") << made.error().message();
  EXPECT_NE(world.ledger().invite(made->id), nullptr);
  EXPECT_EQ(ann->rules().commands, 2);
  // The box of the invite holds the newest key.
  const auto keys = party::invite_keys(made->secret, world.made.id);
  EXPECT_EQ(code_of(party::recover_party_key(world.ledger(), keys.box,
                                             *world.party.box_for(keys.box.public_key()))),
            "ok");
}

TEST_F(InviteTest, ADeputyWhoLacksTheNewestKeyFetchesIt) {
  const auto deputy = view(bob);
  const auto rotated = run(Governance(view(world.host)).rotate());
  ASSERT_EQ(code_of(rotated), "ok");
  // It has heard of the roster, not of the key.
  deputy->hear(ws::KeyRotated{
      world.made.id, world.party.seq, rotated->key_epoch, {}, {world.party.log.back()}, {}});
  ASSERT_EQ(deputy->ledger().key_epoch(), rotated->key_epoch);
  EXPECT_EQ(code_of(run(Governance(deputy).invite({}))), "ok");
  EXPECT_EQ(deputy->rules().fetches, 1);
}

TEST_F(InviteTest, ARevokedOneOpensNothing) {
  const auto invite = joined_by.at(cleo.peer_id());
  const auto revoked = run(Governance(view(bob)).revoke(invite));
  ASSERT_EQ(code_of(revoked), "ok") << revoked.error().message();
  EXPECT_TRUE(revoked->removed.empty());
  EXPECT_THAT(revoked->dropped, testing::Contains(invite));
  EXPECT_EQ(revoked->key_epoch, 2u);
  EXPECT_EQ(world.ledger().invite(invite), nullptr);
  EXPECT_NE(world.ledger().invite(joined_by.at(dan.peer_id())), nullptr);
  EXPECT_TRUE(is_member(cleo)) << "whoever joined by it stays";
}

TEST_F(InviteTest, RevokingWhatIsNotThere) {
  const auto ann = view(world.host);
  const auto refused = run(Governance(ann).revoke({}));
  ASSERT_EQ(code_of(refused), "unknown_invite");
  EXPECT_THAT(refused.error().message(), HasSubstr("lanrage invite list"));
  EXPECT_EQ(code_of(run(Governance(view(cleo)).revoke(joined_by.at(cleo.peer_id())))),
            "not_allowed");
  EXPECT_EQ(ann->rules().commands, 0);
}

TEST_F(InviteTest, OneThatSomebodyElseRevokesMeanwhile) {
  const auto invite = joined_by.at(cleo.peer_id());
  const auto ann = view(world.host);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false))
      EXPECT_EQ(code_of(run(Governance(view(bob)).revoke(invite))), "ok");
  };
  EXPECT_EQ(code_of(run(Governance(ann).revoke(invite))), "unknown_invite");
}

// ---- deputies, and the key alone

using DeputyTest = GovernedWorld;

TEST_F(DeputyTest, TheHostNamesThem) {
  const auto ann = view(world.host);
  const auto deputies = run(Governance(ann).promote(cleo.peer_id()));
  ASSERT_EQ(code_of(deputies), "ok") << deputies.error().message();
  EXPECT_THAT(*deputies, UnorderedElementsAre(bob.peer_id(), cleo.peer_id()));
  EXPECT_TRUE(world.ledger().may_govern(cleo.identity.public_key()));
  EXPECT_EQ(ann->ledger().head(), world.ledger().head());
  EXPECT_EQ(code_of(run(Governance(view(cleo)).kick(dan.peer_id()))), "ok");

  const auto left = run(Governance(view(world.host)).demote(cleo.peer_id()));
  ASSERT_EQ(code_of(left), "ok");
  EXPECT_THAT(*left, ElementsAre(bob.peer_id()));
  EXPECT_FALSE(world.ledger().may_govern(cleo.identity.public_key()));
  EXPECT_TRUE(is_member(cleo));
}

TEST_F(DeputyTest, NobodyElseDoes) {
  for (const auto* device : {&bob, &cleo}) {
    const auto refused = run(Governance(view(*device)).promote(dan.peer_id()));
    ASSERT_EQ(code_of(refused), "not_allowed");
    EXPECT_EQ(refused.error().message(), "only the host, Ann, can name deputies");
    EXPECT_EQ(code_of(run(Governance(view(*device)).demote(bob.peer_id()))), "not_allowed");
  }
}

TEST_F(DeputyTest, WhatIsSoAlreadyIsSaid) {
  const auto ann = view(world.host);
  const auto again = run(Governance(ann).promote(bob.peer_id()));
  ASSERT_EQ(code_of(again), "nothing_to_do");
  EXPECT_EQ(again.error().message(), "Bob is a deputy already");
  EXPECT_EQ(code_of(run(Governance(ann).promote(world.host.peer_id()))), "nothing_to_do");
  const auto none = run(Governance(ann).demote(cleo.peer_id()));
  ASSERT_EQ(code_of(none), "nothing_to_do");
  EXPECT_EQ(none.error().message(), "Cleo is no deputy");
  EXPECT_EQ(ann->rules().commands, 0);
}

TEST_F(DeputyTest, TwoCommandsAtOnceAreBothDone) {
  const auto ann = view(world.host);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false))
      EXPECT_EQ(code_of(run(Governance(view(world.host)).promote(cleo.peer_id()))), "ok");
  };
  const auto deputies = run(Governance(ann).promote(dan.peer_id()));
  ASSERT_EQ(code_of(deputies), "ok") << deputies.error().message();
  EXPECT_EQ(deputies->size(), 3u);
  EXPECT_EQ(world.ledger().charter().deputies.size(), 3u);
}

TEST_F(DeputyTest, WhoeverLeavesMeanwhileIsNoDeputy) {
  const auto ann = view(world.host);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false)) EXPECT_EQ(code_of(world.leave(bob)), "ok");
  };
  const auto deputies = run(Governance(ann).promote(cleo.peer_id()));
  ASSERT_EQ(code_of(deputies), "ok") << deputies.error().message();
  EXPECT_THAT(*deputies, ElementsAre(cleo.peer_id()));
}

TEST_F(DeputyTest, TheKeyAloneChanges) {
  const auto rotated = run(Governance(view(bob)).rotate());
  ASSERT_EQ(code_of(rotated), "ok");
  EXPECT_EQ(rotated->key_epoch, 2u);
  EXPECT_TRUE(rotated->removed.empty());
  EXPECT_EQ(world.ledger().members().size(), 4u);
  EXPECT_THAT(rotated->receipts.waiting,
              UnorderedElementsAre(world.host.peer_id(), cleo.peer_id(), dan.peer_id()));
  EXPECT_EQ(code_of(run(Governance(view(cleo)).rotate())), "not_allowed");
}

// ---- invites that have ended

class ClosingTest : public GovernedWorld {
 protected:
  // The party's first invite is of years ago.
  ClosingTest() {
    EXPECT_EQ(code_of(world.rotate(world.host, world.new_rotation().value())), "ok");
  }
  // Eve joins by an invite for her alone.
  InviteId spend() {
    const auto invite = world.new_invite({1, std::chrono::hours(1)}).value();
    EXPECT_EQ(
        code_of(world.run(world.command(world.host, party::AddInvite{invite.record, invite.box}))),
        "ok");
    const auto keys = party::invite_keys(invite.secret, world.made.id);
    EXPECT_EQ(code_of(world.run(
                  world.command(eve, party::Join{party::build_admission(world.ledger(), keys, eve),
                                                 world.statement(eve, "Eve", world.ledger()),
                                                 {}}))),
              "ok");
    return keys.id();
  }
};

TEST_F(ClosingTest, ARosterLeavesOutWhatHasEndedAndNothingElse) {
  const auto spent = spend();
  const auto ann = view(world.host);
  const auto open = world.ledger().invites().size() - 1;
  const auto closed = run(Governance(ann).close_ended_invites());
  ASSERT_EQ(code_of(closed), "ok") << closed.error().message();
  EXPECT_THAT(closed->dropped, ElementsAre(spent));
  EXPECT_TRUE(closed->removed.empty());
  EXPECT_EQ(world.ledger().invites().size(), open);
  EXPECT_TRUE(is_member(eve));
  EXPECT_EQ(ann->party_key().epoch(), 3u);
}

TEST_F(ClosingTest, WhereNoneHasEndedNoRosterIsMade) {
  const auto ann = view(world.host);
  EXPECT_EQ(code_of(run(Governance(ann).close_ended_invites())), "nothing_to_do");
  EXPECT_EQ(ann->rules().commands, 0);
}

TEST_F(ClosingTest, OfTwoAtOnceOneMakesTheRoster) {
  spend();
  const auto ann = view(world.host);
  const auto deputy = view(bob);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false))
      EXPECT_EQ(code_of(run(Governance(deputy).close_ended_invites())), "ok");
  };
  EXPECT_EQ(code_of(run(Governance(ann).close_ended_invites())), "nothing_to_do");
  EXPECT_EQ(ann->rules().commands, 1);
  EXPECT_EQ(world.ledger().key_epoch(), 3u);
}

// `rotate` does: but there somebody wants it.
TEST_F(ClosingTest, WhatMembersToldPastTheServerIsNotGivenUpForIt) {
  spend();
  const auto ann = view(world.host);
  ann->hear_from_member(party::build_statement(ann->ledger(), cleo.identity, "Clio",
                                               ann->ledger().member(cleo.peer_id())->vip)
                            .value());
  EXPECT_EQ(code_of(run(Governance(ann).close_ended_invites())), "server_lacks_records");
  EXPECT_EQ(world.ledger().key_epoch(), 2u);
}

TEST_F(ClosingTest, OthersCannot) {
  spend();
  EXPECT_EQ(code_of(run(Governance(view(cleo)).close_ended_invites())), "not_allowed");
}

TEST_F(InviteTest, NoneIsMadeByAClockThatCantBeRight) {
  const auto ann = view(world.host);
  ann->rules().ahead = kClocksDiffer;
  EXPECT_EQ(code_of(run(Governance(ann).invite({}))), "ok") << "a day off is a player's clock";
  for (const auto ahead : {std::chrono::hours(25), std::chrono::hours(-25)}) {
    ann->rules().ahead = ahead;
    EXPECT_EQ(code_of(run(Governance(ann).invite({}))), "clocks_differ");
  }
}

TEST_F(ClosingTest, AServersClockCountsForADayAtMost) {
  const auto ann = view(world.host);
  auto& rules = ann->rules();
  rules.ahead = std::chrono::hours(10);
  EXPECT_LE(std::chrono::abs(invite_clock(rules) - rules.server_time()), std::chrono::seconds(1));
  for (const int way : {-1, 1}) {
    rules.ahead = way * std::chrono::hours(1'000);
    EXPECT_LE(std::chrono::abs(invite_clock(rules) - unix_now() - way * kClocksDiffer),
              std::chrono::seconds(1));
  }
}

}  // namespace
}  // namespace lanrage::agent::test
