// An agent killed in the middle and started again on its state.
#include <gtest/gtest.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

using AgentRestart = LabTest;

TEST_F(AgentRestart, ItTakesUpItsPartyAndThePeersAreReachedAgain) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::open);
  Player& bob = add_player("bob", NatKind::port_restricted_cone);
  const Membership hosted = alice.create(server, "game night");
  const Membership bobs = bob.join(hosted.invite);
  ASSERT_TRUE(pings(bob, hosted.vip));

  bob.kill_agent();
  Player& carol = add_player("carol", NatKind::open);
  const Membership carols = carol.join(hosted.invite);  // he misses this
  bob.start_agent();

  EXPECT_TRUE(eventually(kReachable, [&] { return bob.server_state() == "connected"; }))
      << bob.server_state();
  EXPECT_TRUE(eventually(kSeen, [&] { return bob.peer("carol").has_value(); }));
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(bob, carols.vip));
  EXPECT_TRUE(pings(alice, bobs.vip));
  EXPECT_EQ(alice.peer("bob").value_or(PeerView{}).vip, bobs.vip.to_string());
}

TEST_F(AgentRestart, TheHostCanStillInviteAndAJoinAgainIsRefused) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::open);
  const Membership hosted = alice.create(server, "game night");
  alice.kill_agent();
  alice.start_agent();
  EXPECT_TRUE(eventually(kReachable, [&] { return alice.server_state() == "connected"; }));
  EXPECT_EQ(alice.cli({"invite"}).status, 0);
  EXPECT_EQ(alice.cli({"join", hosted.invite}).status, 1);
  Player& bob = add_player("bob", NatKind::open);
  bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
}

}  // namespace
}  // namespace lanrage::lab
