// A network that lets no UDP through: the player is told so within seconds, and what to open.
#include <gtest/gtest.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

// Promised are five seconds; the rest is for slow cores.
constexpr Millis kTold{8'000};
constexpr Millis kIdle{30'000};

class UdpBlocked : public LabTest {
 protected:
  static boost::json::value self(const Player& player, const char* key) {
    const auto party = player.party();
    return party ? party->at("self").at(key) : boost::json::value();
  }
  static std::string note(const Player& player) {
    const auto value = self(player, "note");
    return value.is_string() ? std::string(value.as_string()) : std::string();
  }
  using Clock = std::chrono::steady_clock;
  static ::testing::AssertionResult is_told(const Player& player, const std::string& words,
                                            Clock::time_point begin = Clock::now(),
                                            Millis limit = kTold) {
    if (!eventually(limit, [&] { return note(player).find(words) != std::string::npos; }))
      return ::testing::AssertionFailure() << player.nick() << " reads \"" << note(player) << "\"";
    const std::chrono::duration<double> took = Clock::now() - begin;
    std::printf("told after %.1f s\n", took.count());
    return ::testing::AssertionSuccess();
  }
  // Of the relayed peers' rows.
  static ::testing::AssertionResult is_degraded(const Player& player, const std::string& peer,
                                                const std::string& words) {
    if (eventually(Millis(2'000), [&] {
          const auto seen = player.peer(peer);
          return seen && seen->state == "degraded" &&
                 seen->why_relayed.find(words) != std::string::npos;
        }))
      return ::testing::AssertionSuccess();
    const auto seen = player.peer(peer).value_or(PeerView{});
    return ::testing::AssertionFailure()
           << seen.path << " " << seen.state << ": " << seen.why_relayed;
  }

  Server& server_ = add_server();
};

TEST_F(UdpBlocked, WhoIsAloneIsToldWhatToOpen) {
  Player& alice = add_player("alice", NatKind::udp_blocked);
  alice.create(server_, "game night");
  EXPECT_TRUE(is_told(alice, "let this network's firewall send UDP to"));
  EXPECT_EQ(self(alice, "udp"), boost::json::value(false));
  EXPECT_NE(note(alice).find(server_.host().address().to_string() + ":51820"), std::string::npos)
      << note(alice);
  const auto text = alice.cli_text({"status"}).out;
  EXPECT_NE(text.find("For you: no answer over UDP"), std::string::npos) << text;
}

constexpr const char* kBlock =
    "table inet mood { chain forward { type filter hook forward priority -10; policy accept;\n"
    "meta l4proto udp drop\n}\n}\n";

TEST_F(UdpBlocked, InARunningSessionAndBack) {
  for (const auto kind : {NatKind::symmetric, NatKind::port_restricted_cone}) {
    const std::string path = kind == NatKind::symmetric ? "relay" : "direct";
    SCOPED_TRACE(path);
    Player& alice = add_player("alice_" + path, kind);
    Router& home = network_.add_router(kind);
    Player& bob = add_player("bob_" + path, network_.add_host("bob_" + path, home));
    const Membership hosted = alice.create(server_, "game night");
    bob.join(hosted.invite);
    ASSERT_TRUE(pings(bob, hosted.vip));
    ASSERT_TRUE(path_becomes(bob, alice.nick(), path));
    ASSERT_EQ(self(bob, "udp"), boost::json::value(true));
    Pinger game(bob.host().netns(), hosted.vip);
    game.ping(10);
    home.netns().nft(kBlock);
    const auto begin = Clock::now();
    game.ping(5);  // traffic that nobody answers
    EXPECT_TRUE(is_told(bob, "answers over UDP have stopped coming", begin));
    EXPECT_EQ(note(bob).find("firewall"), std::string::npos) << note(bob);
    if (path == "relay")
      EXPECT_TRUE(is_degraded(bob, alice.nick(), "answers over UDP have stopped coming"));
    home.netns().nft("delete table inet mood");
    EXPECT_TRUE(eventually(kSeen, [&] { return self(bob, "udp") == boost::json::value(true); }));
    EXPECT_EQ(note(bob), "");
    EXPECT_TRUE(pings(bob, hosted.vip));
  }
}

// Nothing is sent but what keeps the relay's bind: that is noticed when it is due.
TEST_F(UdpBlocked, WhoIsAloneIsToldInARunningSessionToo) {
  Router& home = network_.add_router(NatKind::port_restricted_cone);
  Player& alice = add_player("alice", network_.add_host("alice", home));
  alice.create(server_, "game night");
  ASSERT_TRUE(eventually(kSeen, [&] { return self(alice, "udp") == boost::json::value(true); }));
  home.netns().nft(kBlock);
  EXPECT_TRUE(is_told(alice, "answers over UDP have stopped coming", Clock::now(), kIdle));
}

TEST_F(UdpBlocked, AServerThatDiedWithItsRelayIsNoFirewall) {
  Player& alice = add_player("alice", NatKind::symmetric);
  Player& bob = add_player("bob", NatKind::symmetric);
  const Membership hosted = alice.create(server_, "game night");
  bob.join(hosted.invite);
  ASSERT_TRUE(pings(bob, hosted.vip));
  ASSERT_TRUE(eventually(kSeen, [&] { return self(bob, "udp") == boost::json::value(true); }));
  server_.kill();
  EXPECT_TRUE(is_told(bob, "neither the server nor its relays answer"));
  EXPECT_TRUE(is_degraded(bob, "alice", "neither the server nor its relays answer"));
  server_.start();
  EXPECT_TRUE(eventually(kReachable, [&] { return self(bob, "udp") == boost::json::value(true); }));
  EXPECT_TRUE(pings(bob, hosted.vip));
}

}  // namespace
}  // namespace lanrage::lab
