// The usual host: server and agent on one machine at home, behind a router with forwards.
#include <gtest/gtest.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

using HomeServer = LabTest;

TEST_F(HomeServer, HostAndServerOnOneMachineMeetAPlayerElsewhere) {
  Router& router = network_.add_router(NatKind::port_restricted_cone);
  Host& home = network_.add_host("home", router);
  router.forward(Transport::tcp, 8667, home);
  for (const int port : {51820, 3478, 3479})
    router.forward(Transport::udp, static_cast<std::uint16_t>(port), home);

  Server& server = add_server(home, router.wan_address());
  EXPECT_NE(server.url().find(router.wan_address().to_string()), std::string::npos) << server.url();
  Player& alice = add_player("alice", home);
  Player& bob = add_player("bob", NatKind::port_restricted_cone);
  const Membership hosted = alice.create(server, "game night", "https://127.0.0.1:8667");
  // What others are given must lead to the router, not to 127.0.0.1.
  EXPECT_NE(hosted.invite.find(router.wan_address().to_string()), std::string::npos);
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_TRUE(cli_pings(bob, "alice"));
  EXPECT_TRUE(eventually(kSeen, [&] {
    const auto peer = bob.peer("alice");
    return peer && peer->state == "connected" && peer->online;
  }));
}

}  // namespace
}  // namespace lanrage::lab
