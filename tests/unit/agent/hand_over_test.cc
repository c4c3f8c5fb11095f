// A party that its host hands to another member, by the party's real rules.
#include "agent/governance.hpp"
#include "unit/agent/governed_world.hpp"

namespace lanrage::agent::test {
namespace {

using party::code_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

using HandOverTest = GovernedWorld;

TEST_F(HandOverTest, AnotherIsTheHostAndTheFormerOneADeputy) {
  const auto ann = view(world.host);
  const auto done = run(Governance(ann).hand_over(cleo.peer_id()));
  ASSERT_EQ(code_of(done), "ok") << done.error().message();
  EXPECT_THAT(done->deputies, UnorderedElementsAre(bob.peer_id(), world.host.peer_id()));
  EXPECT_TRUE(done->forgotten);
  EXPECT_THAT(ann->handed_to, ElementsAre(cleo.peer_id()));
  EXPECT_EQ(world.ledger().host_id(), cleo.peer_id());
  EXPECT_EQ(ann->ledger().head(), world.ledger().head());

  const auto refused = run(Governance(ann).promote(dan.peer_id()));
  ASSERT_EQ(code_of(refused), "not_allowed");
  EXPECT_EQ(refused.error().message(), "only the host, Cleo, can name deputies");
  EXPECT_EQ(code_of(run(Governance(ann).kick(dan.peer_id()))), "ok") << "as a deputy can";
  EXPECT_EQ(code_of(run(Governance(ann).kick(bob.peer_id()))), "deputy_stays");
  EXPECT_EQ(code_of(run(Governance(ann).kick(cleo.peer_id()))), "host_stays");
}

TEST_F(HandOverTest, ADeputyWhoBecomesTheHostIsADeputyNoMore) {
  const auto done = run(Governance(view(world.host)).hand_over(bob.peer_id()));
  ASSERT_EQ(code_of(done), "ok") << done.error().message();
  EXPECT_THAT(done->deputies, ElementsAre(world.host.peer_id()));
}

TEST_F(HandOverTest, OnlyTheHostDoesIt) {
  for (const auto* device : {&bob, &cleo}) {
    const auto member = view(*device);
    const auto refused = run(Governance(member).hand_over(dan.peer_id()));
    ASSERT_EQ(code_of(refused), "not_allowed");
    EXPECT_EQ(refused.error().message(), "only the host, Ann, can hand the party over");
    EXPECT_TRUE(member->handed_to.empty());
  }
}

TEST_F(HandOverTest, ToWhomItCannotGo) {
  const auto ann = view(world.host);
  const auto self = run(Governance(ann).hand_over(world.host.peer_id()));
  ASSERT_EQ(code_of(self), "that_is_you");
  EXPECT_EQ(self.error().message(), "that is you: you are the host already");
  EXPECT_EQ(code_of(run(Governance(ann).hand_over(eve.peer_id()))), "gone");
  EXPECT_TRUE(ann->handed_to.empty());
}

TEST_F(HandOverTest, NothingChangesUntilTheKeyIsThere) {
  const auto ann = view(world.host);
  ann->handing = Handing::out_of_reach;
  const auto away = run(Governance(ann).hand_over(cleo.peer_id()));
  ASSERT_EQ(code_of(away), "out_of_reach");
  EXPECT_THAT(away.error().message(), HasSubstr("Cleo can't be reached"));
  ann->handing = Handing::no_answer;
  const auto older = run(Governance(ann).hand_over(cleo.peer_id()));
  ASSERT_EQ(code_of(older), "key_not_taken");
  EXPECT_THAT(older.error().message(), HasSubstr("older version"));
  EXPECT_EQ(ann->rules().commands, 0);
  ann->handing = Handing::taken;
  EXPECT_EQ(code_of(run(Governance(ann).hand_over(cleo.peer_id()))), "ok") << "it is repeated";
}

TEST_F(HandOverTest, WhoeverLeavesMeanwhileIsNoHost) {
  const auto ann = view(world.host);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false)) EXPECT_EQ(code_of(world.leave(cleo)), "ok");
  };
  EXPECT_EQ(code_of(run(Governance(ann).hand_over(cleo.peer_id()))), "gone");
  EXPECT_EQ(world.ledger().host_id(), world.host.peer_id());
}

TEST_F(HandOverTest, AnotherCharterMeanwhileIsNoHindrance) {
  const auto ann = view(world.host);
  ann->rules().before = [&, once = true]() mutable {
    if (std::exchange(once, false))
      EXPECT_EQ(code_of(run(Governance(view(world.host)).promote(dan.peer_id()))), "ok");
  };
  const auto done = run(Governance(ann).hand_over(cleo.peer_id()));
  ASSERT_EQ(code_of(done), "ok") << done.error().message();
  EXPECT_EQ(done->deputies.size(), 3u);
  EXPECT_EQ(world.ledger().host_id(), cleo.peer_id());
}

}  // namespace
}  // namespace lanrage::agent::test
