// Paths that change under 500 packets a second each way: what is lost, and how long it stands
// still. Prints its figures, a JSON line each.
#include <cstdio>
#include <future>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"
#include "support/pinger.hpp"
#include "support/two_way_traffic.hpp"

namespace lanrage::lab {
namespace {

constexpr int kRate = 500;  // packets a second each way
constexpr Millis kOneWay{15};

using Ms = std::chrono::duration<double, std::milli>;

void print_figures(const char* what, const TrafficReport& report, double down_ms = 0) {
  std::printf(
      "{\"switching\":\"%s\",\"rate\":%d,\"sent\":%d,\"lost\":%d,\"longest_gap_ms\":%.0f,"
      "\"down_ms\":%.0f}\n",
      what, kRate, report.sent, report.lost, report.longest_gap_ms, down_ms);
  std::fflush(stdout);
}

class Switching : public LabTest {
 protected:
  Switching() { network_.set_distance({.one_way = kOneWay}); }

  // Alice creates a party that Bob joins; both reach each other somehow.
  void meet(Player& alice, Player& bob, const Server& server) {
    hosted_ = alice.create(server, "game night");
    joined_ = bob.join(hosted_.invite);
    ASSERT_TRUE(Pinger(bob.host().netns(), hosted_.vip).first_answer(kReachable));
  }
  std::unique_ptr<TwoWayTraffic> traffic(const Player& alice, const Player& bob) const {
    return std::make_unique<TwoWayTraffic>(TwoWayTraffic::Side{alice.host().netns(), hosted_.vip},
                                           TwoWayTraffic::Side{bob.host().netns(), joined_.vip},
                                           kRate);
  }
  // For so long the path from either stays what it is.
  static ::testing::AssertionResult stays(const Player& alice, const Player& bob,
                                          const std::string& path, Millis duration) {
    for (const auto end = Clock::now() + duration; Clock::now() < end;) {
      for (const auto* player : {&alice, &bob}) {
        const auto now = player->peer(player == &alice ? "bob" : "alice").value_or(PeerView{}).path;
        if (now != path)
          return ::testing::AssertionFailure() << player->nick() << "'s path became " << now;
      }
    }
    return ::testing::AssertionSuccess();
  }

  Membership hosted_;
  Membership joined_;
};

TEST_F(Switching, ToTheDirectPathLosesNextToNothingAndToTheRelayTakesLessThanThreeSeconds) {
  Server& server = add_server();
  Router& home = network_.add_router(NatKind::port_restricted_cone);
  Player& alice = add_player("alice", network_.add_host("alice", home));
  Player& bob = add_player("bob", NatKind::port_restricted_cone);
  meet(alice, bob, server);

  auto upgrade = traffic(alice, bob);
  ASSERT_TRUE(path_becomes(bob, "alice", "direct"));
  ASSERT_TRUE(path_becomes(alice, "bob", "direct"));
  EXPECT_TRUE(stays(alice, bob, "direct", Millis(5'000)));
  const TrafficReport upgraded = upgrade->stop();
  print_figures("relay_to_direct", upgraded);
  EXPECT_LE(upgraded.lost, kRate * 2 * 2 / 100);

  upgrade.reset();
  auto fallback = traffic(alice, bob);
  EXPECT_TRUE(stays(alice, bob, "direct", Millis(2'000)));
  home.block(bob.host().public_address());
  ASSERT_TRUE(path_becomes(bob, "alice", "relay"));
  ASSERT_TRUE(path_becomes(alice, "bob", "relay"));
  EXPECT_TRUE(stays(alice, bob, "relay", Millis(5'000)));
  const TrafficReport fallen_back = fallback->stop();
  print_figures("direct_to_relay", fallen_back);
  EXPECT_LE(fallen_back.longest_gap_ms, 3'000);
}

// Either side pings, so that once it is the switcher and once the other; the side behind the router
// that blocks, or the one in front of it, or neither, still hears the other.
TEST_F(Switching, WhoeverNoticesADeadDirectPathFallsBackWithinThreeSeconds) {
  Server& server = add_server();
  Router& home = network_.add_router(NatKind::port_restricted_cone);
  Player& alice = add_player("alice", network_.add_host("alice", home));
  Player& bob = add_player("bob", NatKind::port_restricted_cone);
  meet(alice, bob, server);

  struct Case {
    const char* what;
    Way way;
    bool alice_pings;
  };
  for (const Case& run :
       {Case{"blocked_bob_pings", Way::both, false}, Case{"blocked_alice_pings", Way::both, true},
        Case{"blocked_inward_bob_pings", Way::in, false},
        Case{"blocked_outward_bob_pings", Way::out, false}}) {
    SCOPED_TRACE(run.what);
    ASSERT_TRUE(path_becomes(bob, "alice", "direct"));
    ASSERT_TRUE(path_becomes(alice, "bob", "direct"));
    Pinger pinger((run.alice_pings ? alice : bob).host().netns(),
                  run.alice_pings ? joined_.vip : hosted_.vip);
    auto pings = std::async(std::launch::async, [&] { return pinger.ping(200, Millis(50)); });
    EXPECT_TRUE(stays(alice, bob, "direct", Millis(3'000)));
    home.block(bob.host().public_address(), run.way);
    EXPECT_TRUE(path_becomes(bob, "alice", "relay"));
    EXPECT_TRUE(path_becomes(alice, "bob", "relay"));
    const PingReport report = pings.get();
    std::printf("{\"switching\":\"%s\",\"sent\":%d,\"received\":%d,\"longest_gap_ms\":%.0f}\n",
                run.what, report.sent, report.received, report.longest_gap_ms);
    std::fflush(stdout);
    EXPECT_LE(report.longest_gap_ms, 3'000);
    home.unblock();
  }
}

TEST_F(Switching, ARelayKilledAndRestartedCostsItsDownTimeAndTwoSecondsAtMost) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::symmetric);
  Player& bob = add_player("bob", NatKind::symmetric);
  meet(alice, bob, server);
  ASSERT_TRUE(path_becomes(bob, "alice", "relay"));
  ASSERT_TRUE(path_becomes(alice, "bob", "relay"));

  auto packets = traffic(alice, bob);
  EXPECT_TRUE(stays(alice, bob, "relay", Millis(2'000)));
  const auto killed = Clock::now();
  server.kill();
  server.start();
  const double down_ms = Ms(Clock::now() - killed).count();
  EXPECT_TRUE(stays(alice, bob, "relay", Millis(6'000)));
  const TrafficReport report = packets->stop();
  print_figures("relay_restarted", report, down_ms);
  EXPECT_LE(report.longest_gap_ms, down_ms + 2'000);
}

}  // namespace
}  // namespace lanrage::lab
