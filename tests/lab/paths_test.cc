// What a path does besides being the expected one (see nat_pairs_test.cc): what status says of it,
// over a distance, in bulk, and on one LAN.
#include <gtest/gtest.h>

#include "lab_fixture.hpp"
#include "support/tcp_transfer.hpp"

namespace lanrage::lab {
namespace {

using Paths = LabTest;

bool is_at(const std::string& endpoint, const IpAddress& address) {
  return endpoint.starts_with(address.to_string() + ":");
}

TEST_F(Paths, TwoPortRestrictedConesMeetDirectly) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::port_restricted_cone);
  Player& bob = add_player("bob", NatKind::port_restricted_cone);
  const Membership hosted = alice.create(server, "game night");
  EXPECT_TRUE(hosted.invite.starts_with("lanrage://")) << hosted.invite;
  const Membership joined = bob.join(hosted.invite);
  EXPECT_EQ(joined.party_id, hosted.party_id);
  EXPECT_NE(joined.vip, hosted.vip);
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(path_becomes(bob, "alice", "direct"));
  EXPECT_TRUE(path_becomes(alice, "bob", "direct"));
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_TRUE(cli_pings(bob, "alice"));
  EXPECT_TRUE(cli_pings(alice, joined.vip.to_string()));
  const auto seen = bob.peer("alice");
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->vip, hosted.vip.to_string());
  EXPECT_EQ(seen->peer_id, hosted.peer_id);
  EXPECT_TRUE(seen->online);
  EXPECT_EQ(seen->state, "connected");
  EXPECT_TRUE(is_at(seen->endpoint, alice.host().public_address())) << seen->endpoint;
}

// With 60 ms between the players packets are still on the relay's way when the path changes, and
// both could start a handshake at once: what goes wrong only over a distance goes wrong here.
TEST_F(Paths, TwoFarConesMeetDirectlyAndStayThere) {
  Server& server = add_server();
  network_.set_distance({.one_way = Millis(30)});
  Player& alice = add_player("alice", NatKind::port_restricted_cone);
  Player& bob = add_player("bob", NatKind::port_restricted_cone);
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(path_becomes(bob, "alice", "direct"));
  EXPECT_TRUE(path_becomes(alice, "bob", "direct"));
  // Traffic both ways would carry a badly made change back to the relay.
  Pinger there(bob.host().netns(), hosted.vip);
  EXPECT_GE(there.ping(50).received, 45);
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_EQ(bob.peer("alice").value_or(PeerView{}).path, "direct");
  EXPECT_EQ(alice.peer("bob").value_or(PeerView{}).path, "direct");
}

TEST_F(Paths, TwoSymmetricNatsStayRelayedWithAReasonAndCarryBulk) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::symmetric);
  Player& bob = add_player("bob", NatKind::symmetric);
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_TRUE(path_becomes(bob, "alice", "relay"));
  EXPECT_TRUE(path_becomes(alice, "bob", "relay"));
  const auto knows_why = [](const Player& player, const Player& other) {
    const auto peer = player.peer(other.nick());
    return peer && peer->path == "relay" && !peer->why_relayed.empty();
  };
  EXPECT_TRUE(eventually(kSeen, [&] { return knows_why(alice, bob) && knows_why(bob, alice); }));
  constexpr std::size_t kSize = 10'000'000;
  const TransferReport report =
      tcp_transfer(alice.host().netns(), bob.host().netns(), joined.vip, kSize, Millis(120'000));
  EXPECT_TRUE(report.intact) << report.problem << " after " << report.received << " bytes";
  EXPECT_EQ(report.received, kSize);
  EXPECT_TRUE(path_becomes(bob, "alice", "relay"));
}

// The second look at the NAT, 25 s after the first, goes through what the first one opened.
TEST_F(Paths, APortRestrictedNatIsStillOneAtTheSecondLook) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::port_restricted_cone);
  Player& bob = add_player("bob", NatKind::symmetric);
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  const auto nat_of = [](const Player& player) {
    const auto status = player.cli({"status"}).json;
    return std::string(status.at("self").at("nat_type").as_string());
  };
  const auto knows_why = [&] {
    const auto peer = alice.peer("bob");
    return peer && peer->why_relayed ==
                       "the other side is behind a symmetric NAT and we are behind a "
                       "port-restricted one";
  };
  EXPECT_TRUE(eventually(kSeen, knows_why));
  EXPECT_EQ(nat_of(alice), "port_restricted_cone");
  Pinger there(alice.host().netns(), joined.vip);
  EXPECT_GE(there.ping(60, Millis(500)).received, 55);  // half a minute
  EXPECT_EQ(nat_of(alice), "port_restricted_cone");
  EXPECT_TRUE(knows_why()) << alice.peer("bob").value_or(PeerView{}).why_relayed;
}

TEST_F(Paths, PlayersOfOneLanMeetByTheirLocalAddresses) {
  Server& server = add_server();
  Router& home = network_.add_router(NatKind::port_restricted_cone);
  Player& alice = add_player("alice", network_.add_host("alice", home));
  Player& bob = add_player("bob", network_.add_host("bob", home));
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  const auto is_local = [](const Player& player, const Player& other) {
    const auto peer = player.peer(other.nick());
    return peer && peer->path == "direct" && is_at(peer->endpoint, other.host().address());
  };
  EXPECT_TRUE(eventually(kDirect, [&] { return is_local(bob, alice) && is_local(alice, bob); }));
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
}

}  // namespace
}  // namespace lanrage::lab
