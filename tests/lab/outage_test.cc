// The server killed in the middle and started again on its data.
#include <gtest/gtest.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

using Outage = LabTest;

::testing::AssertionResult reconnects(const Player& player) {
  if (eventually(kReachable, [&] { return player.server_state() == "connected"; }))
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << player.nick() << "'s connection to the server is '" << player.server_state() << "'";
}

TEST_F(Outage, DirectTunnelsCarryOnAndEverythingIsBackAfterwards) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::port_restricted_cone);
  Player& bob = add_player("bob", NatKind::port_restricted_cone);
  Player& carol = add_player("carol", NatKind::open);
  const Membership hosted = alice.create(server, "game night");
  const Membership bobs = bob.join(hosted.invite);
  const Membership carols = carol.join(hosted.invite);
  ASSERT_TRUE(path_becomes(bob, "alice", "direct"));
  ASSERT_TRUE(path_becomes(alice, "bob", "direct"));
  ASSERT_TRUE(pings(bob, hosted.vip));

  server.kill();
  EXPECT_TRUE(eventually(kSeen, [&] { return bob.server_state() != "connected"; }));
  Pinger pinger(bob.host().netns(), hosted.vip);
  const PingReport meanwhile = pinger.ping(50);
  EXPECT_GE(meanwhile.received, 48) << "pings during the outage";
  const std::string pin = server.pin();
  server.start();

  EXPECT_EQ(server.pin(), pin);
  for (const Player* player : {&alice, &bob, &carol}) {
    EXPECT_TRUE(reconnects(*player));
    EXPECT_TRUE(eventually(kSeen, [&] { return player->peers().size() == 2; })) << player->nick();
  }
  EXPECT_EQ(alice.peer("bob").value_or(PeerView{}).vip, bobs.vip.to_string());
  EXPECT_EQ(alice.peer("carol").value_or(PeerView{}).vip, carols.vip.to_string());

  Player& dave = add_player("dave", NatKind::symmetric);
  const Membership daves = dave.join(hosted.invite);
  for (const IpAddress& taken : {hosted.vip, bobs.vip, carols.vip})
    EXPECT_NE(daves.vip, taken);
  EXPECT_TRUE(pings(dave, hosted.vip));
  EXPECT_TRUE(pings(bob, daves.vip));
  EXPECT_TRUE(pings(bob, hosted.vip));
}

TEST_F(Outage, ARelayedPairComesBackWithTheServer) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::symmetric);
  Player& bob = add_player("bob", NatKind::symmetric);
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  ASSERT_TRUE(pings(bob, hosted.vip));
  server.kill();
  server.start();
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_TRUE(reconnects(alice));
  EXPECT_TRUE(reconnects(bob));
}

}  // namespace
}  // namespace lanrage::lab
