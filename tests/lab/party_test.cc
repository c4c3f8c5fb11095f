// More than two players: everybody sees and reaches everybody, and a departure is known at once.
#include <algorithm>
#include <array>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

using PartyOfThree = LabTest;

TEST_F(PartyOfThree, AllReachOneAnotherAndADepartureIsKnownWithinASecond) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::port_restricted_cone);
  Player& bob = add_player("bob", NatKind::symmetric);
  Player& carol = add_player("carol", NatKind::full_cone);
  const Membership hosted = alice.create(server, "game night");
  const std::array memberships{hosted, bob.join(hosted.invite), carol.join(hosted.invite)};
  const std::array<Player*, 3> players{&alice, &bob, &carol};

  const auto sees_all_others = [&](const Player& player) {
    const auto peers = player.peers();
    return peers.size() == 2 && std::ranges::all_of(peers, &PeerView::online);
  };
  for (const Player* player : players)
    EXPECT_TRUE(eventually(kSeen, [&] { return sees_all_others(*player); })) << player->nick();
  for (std::size_t from = 0; from < players.size(); ++from)
    for (std::size_t to = 0; to < players.size(); ++to)
      if (from != to) EXPECT_TRUE(pings(*players[from], memberships[to].vip));

  const CliResult left = carol.cli({"leave"});
  ASSERT_EQ(left.status, 0) << left.err;
  EXPECT_TRUE(eventually(Millis(1'000), [&] { return !alice.peer("carol") && !bob.peer("carol"); }))
      << "still seen by others a second after leaving";
  EXPECT_TRUE(carol.peers().empty());
  EXPECT_EQ(alice.peers().size(), 1u);
  EXPECT_TRUE(pings(bob, hosted.vip));
}

}  // namespace
}  // namespace lanrage::lab
