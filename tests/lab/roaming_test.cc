// A player's network changes under traffic both ways: how long until it flows again? Prints its
// figures, a JSON line each.
#include <cstdio>
#include <gtest/gtest.h>
#include <thread>

#include "lab_fixture.hpp"
#include "support/two_way_traffic.hpp"

namespace lanrage::lab {
namespace {

constexpr int kRate = 50;  // packets a second each way
constexpr Millis kOneWay{15};
constexpr Millis kBack{5'000};  // from the moment when the network works again
constexpr Millis kSettles{12'000};
constexpr NatKind kCone = NatKind::port_restricted_cone;

class Roaming : public LabTest {
 protected:
  Roaming() { network_.set_distance({.one_way = kOneWay}); }

  // Alice creates a party that Bob joins, each behind a router of that kind; `path` between them.
  void meet(NatKind kind, const std::string& path) {
    server_ = &add_server();
    alice_router_ = &network_.add_router(kind);
    bob_router_ = &network_.add_router(kind);
    elsewhere_ = &network_.add_router(kind);
    alice_host_ = &network_.add_host("alice", *alice_router_);
    bob_host_ = &network_.add_host("bob", *bob_router_);
    alice_ = &add_player("alice", *alice_host_);
    bob_ = &add_player("bob", *bob_host_);
    hosted_ = alice_->create(*server_, "game night");
    joined_ = bob_->join(hosted_.invite);
    ASSERT_TRUE(pings(*bob_, hosted_.vip));
    ASSERT_TRUE(paths_become(path));
    traffic_ = traffic();
    ASSERT_TRUE(traffic_->recovery(kReachable));
  }
  ::testing::AssertionResult paths_become(const std::string& path) const {
    if (auto becomes = path_becomes(*bob_, "alice", path); !becomes) return becomes;
    return path_becomes(*alice_, "bob", path);
  }
  std::unique_ptr<TwoWayTraffic> traffic() const {
    return std::make_unique<TwoWayTraffic>(TwoWayTraffic::Side{alice_host_->netns(), hosted_.vip},
                                           TwoWayTraffic::Side{bob_host_->netns(), joined_.vip},
                                           kRate);
  }
  // The network works again as of now: traffic is back soon, and then stays while the paths settle
  // as `path`.
  void expect_back(const char* after, const std::string& path) {
    const auto back = traffic_->recovery(kReachable);
    traffic_.reset();
    traffic_ = traffic();
    ASSERT_TRUE(back) << "traffic didn't come back";
    EXPECT_LE(*back, patient(kBack));
    EXPECT_TRUE(paths_become(path));
    std::this_thread::sleep_for(kSettles);
    const TrafficReport later = traffic_->stop();
    std::printf(
        "{\"roaming\":\"%s\",\"path\":\"%s\",\"back_ms\":%lld,\"later_sent\":%d,"
        "\"later_lost\":%d,\"later_gap_ms\":%.0f}\n",
        after, path.c_str(), static_cast<long long>(back->count()), later.sent, later.lost,
        later.longest_gap_ms);
    std::fflush(stdout);
    EXPECT_LE(later.longest_gap_ms, 2'000);
  }

  const Server* server_ = nullptr;
  Router* alice_router_ = nullptr;
  Router* bob_router_ = nullptr;
  Router* elsewhere_ = nullptr;
  Host* alice_host_ = nullptr;
  Host* bob_host_ = nullptr;
  Player* alice_ = nullptr;
  Player* bob_ = nullptr;
  Membership hosted_;
  Membership joined_;
  std::unique_ptr<TwoWayTraffic> traffic_;
};

TEST_F(Roaming, TheJoinerInAnotherLan) {
  ASSERT_NO_FATAL_FAILURE(meet(kCone, "direct"));
  network_.move(*bob_host_, *elsewhere_);
  expect_back("joiner moves", "direct");
}

TEST_F(Roaming, TheHostInAnotherLan) {
  ASSERT_NO_FATAL_FAILURE(meet(kCone, "direct"));
  network_.move(*alice_host_, *elsewhere_);
  expect_back("host moves", "direct");
}

TEST_F(Roaming, BothAtOnce) {
  ASSERT_NO_FATAL_FAILURE(meet(kCone, "direct"));
  Router& there = network_.add_router(kCone);
  network_.move(*alice_host_, there);
  network_.move(*bob_host_, *elsewhere_);
  expect_back("both move", "direct");
}

TEST_F(Roaming, ToTheLanOfTheOther) {
  ASSERT_NO_FATAL_FAILURE(meet(kCone, "direct"));
  network_.move(*bob_host_, *alice_router_);
  expect_back("joiner comes to the host's LAN", "direct");
}

TEST_F(Roaming, ARelayedJoinerInAnotherLan) {
  ASSERT_NO_FATAL_FAILURE(meet(NatKind::symmetric, "relay"));
  network_.move(*bob_host_, *elsewhere_);
  expect_back("joiner moves", "relay");
}

TEST_F(Roaming, ARelayedHostInAnotherLan) {
  ASSERT_NO_FATAL_FAILURE(meet(NatKind::symmetric, "relay"));
  network_.move(*alice_host_, *elsewhere_);
  expect_back("host moves", "relay");
}

TEST_F(Roaming, ARouterRebootsWithAnotherAddress) {
  ASSERT_NO_FATAL_FAILURE(meet(kCone, "direct"));
  network_.reboot(*alice_router_, Millis(4'000));
  expect_back("router reboots", "direct");
}

TEST_F(Roaming, TheRouterOfARelayedPairReboots) {
  ASSERT_NO_FATAL_FAILURE(meet(NatKind::symmetric, "relay"));
  network_.reboot(*bob_router_, Millis(4'000));
  expect_back("router reboots", "relay");
}

TEST_F(Roaming, AnInterfaceDownForSomeSeconds) {
  ASSERT_NO_FATAL_FAILURE(meet(kCone, "direct"));
  network_.unplug(*bob_host_, Millis(6'000));
  expect_back("interface down", "direct");
}

TEST_F(Roaming, TheInterfaceOfARelayedPairDownForLong) {
  ASSERT_NO_FATAL_FAILURE(meet(NatKind::symmetric, "relay"));
  network_.unplug(*alice_host_, Millis(25'000));
  expect_back("interface down", "relay");
}

TEST_F(Roaming, AMachineThatSlept) {
  ASSERT_NO_FATAL_FAILURE(meet(kCone, "direct"));
  bob_->freeze();
  std::this_thread::sleep_for(Millis(60'000));
  bob_->thaw();
  expect_back("asleep", "direct");
}

TEST_F(Roaming, AMachineOfARelayedPairThatSlept) {
  ASSERT_NO_FATAL_FAILURE(meet(NatKind::symmetric, "relay"));
  alice_->freeze();
  std::this_thread::sleep_for(Millis(60'000));
  alice_->thaw();
  expect_back("asleep", "relay");
}

}  // namespace
}  // namespace lanrage::lab
