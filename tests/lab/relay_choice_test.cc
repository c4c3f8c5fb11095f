// Several relays in different places: players meet at the one that is best for both together, stay
// there, and lose little when it dies. Prints its figures, a JSON line each.
#include <boost/json/value.hpp>
#include <cstdio>
#include <gtest/gtest.h>
#include <set>

#include "lab_fixture.hpp"
#include "support/relay.hpp"
#include "support/two_way_traffic.hpp"

namespace lanrage::lab {
namespace {

constexpr int kRate = 500;  // packets a second each way

// So far one way, and a packet up to a fifth longer.
LinkQuality away(int milliseconds, std::uint64_t seed) {
  return {.one_way = Millis(milliseconds), .jitter = Millis(milliseconds / 5), .seed = seed};
}

// Alice and a relay in the east, Bob and a relay in the west, and a relay between them. Round trips
// in ms, without jitter:
//            east  middle  west
//   Alice      50      80   170
//   Bob       170      80    50
//   together  220     160   220
class RelayChoice : public LabTest {
 protected:
  void start() {
    network_.set_distance(away(5, 1));
    const Host& place = network_.add_public_host("server");
    control_ = &add_server(place, place.address(), {"--role", "control,stun"});
    const std::string key = enrolment_key(*control_);
    middle_ = std::make_unique<Relay>(network_.add_public_host("middle"), *control_, key, "mid");
    const std::string east = network_.add_region(away(30, 2));
    const std::string west = network_.add_region(away(30, 3));
    network_.set_region(east);
    network_.set_distance(away(20, 4));
    east_ = std::make_unique<Relay>(network_.add_public_host("east"), *control_, key, "east");
    network_.set_distance(away(5, 5));
    alice_ = &add_player("alice", NatKind::symmetric);
    network_.set_region(west);
    bob_ = &add_player("bob", NatKind::symmetric);
    network_.set_distance(away(20, 6));
    west_ = std::make_unique<Relay>(network_.add_public_host("west"), *control_, key, "west");
    hosted_ = alice_->create(*control_, "game night");
    joined_ = bob_->join(hosted_.invite);
    ASSERT_TRUE(Pinger(bob_->host().netns(), hosted_.vip).first_answer(kReachable));
  }
  std::unique_ptr<TwoWayTraffic> traffic() const {
    return std::make_unique<TwoWayTraffic>(TwoWayTraffic::Side{alice_->host().netns(), hosted_.vip},
                                           TwoWayTraffic::Side{bob_->host().netns(), joined_.vip},
                                           kRate);
  }
  // At which relays the two are now.
  std::set<std::string> relays() const {
    return {alice_->peer("bob").value_or(PeerView{}).relay,
            bob_->peer("alice").value_or(PeerView{}).relay};
  }
  bool meet_at(const Relay& relay) const {
    return eventually(kSeen, [&] { return relays() == std::set{relay.id()}; });
  }
  // How often what relays() says changes in that time, and what it says at the end.
  std::pair<int, std::set<std::string>> changes_within(Millis time) const {
    int changes = 0;
    auto before = relays();
    for (const auto end = Clock::now() + time; Clock::now() < end;) {
      const auto now = relays();
      changes += now == before ? 0 : 1;
      before = now;
    }
    return {changes, before};
  }
  static void print(const char* what, const TrafficReport& report, int changes) {
    std::printf(
        "{\"relay_choice\":\"%s\",\"rate\":%d,\"sent\":%d,\"lost\":%d,\"longest_gap_ms\":%.0f,"
        "\"changes\":%d}\n",
        what, kRate, report.sent, report.lost, report.longest_gap_ms, changes);
    std::fflush(stdout);
  }

  Server* control_ = nullptr;
  std::unique_ptr<Relay> east_, middle_, west_;
  Player* alice_ = nullptr;
  Player* bob_ = nullptr;
  Membership hosted_, joined_;
};

TEST_F(RelayChoice, TheBestForBothTogetherIsTakenAndKeptAndADeadOneCostsTwoSecondsAtMost) {
  start();
  EXPECT_TRUE(meet_at(*middle_)) << "though each has a nearer one";

  auto steady = traffic();
  const auto [flaps, kept] = changes_within(Millis(22'000));
  const TrafficReport undisturbed = steady->stop();
  steady.reset();
  print("kept", undisturbed, flaps);
  EXPECT_EQ(flaps, 0);
  EXPECT_EQ(kept, std::set{middle_->id()});

  auto disturbed = traffic();
  changes_within(Millis(3'000));
  middle_->kill();
  const auto next = changes_within(Millis(8'000)).second;
  const TrafficReport killed = disturbed->stop();
  disturbed.reset();
  print("killed", killed, 1);
  EXPECT_LE(killed.longest_gap_ms, 2'000);
  EXPECT_TRUE(next == std::set{east_->id()} || next == std::set{west_->id()});

  auto afterwards = traffic();
  middle_->start();
  const auto [returns, last] = changes_within(Millis(20'000));
  print("restarted", afterwards->stop(), returns);
  EXPECT_EQ(returns, 0) << "it isn't clearly better";
  EXPECT_EQ(last, next);
}

TEST_F(RelayChoice, NetcheckShowsEveryRelayWithItsRegionDistanceAndLoad) {
  start();
  const CliResult check =
      alice_->cli({"netcheck", "--server", control_->url(), "--pin", control_->pin()});
  ASSERT_EQ(check.status, 0) << check.err;
  std::set<std::string> regions;
  for (const auto& value : check.json.as_object().at("relays").as_array()) {
    const auto& relay = value.as_object();
    regions.emplace(relay.at("region").as_string());
    EXPECT_TRUE(relay.at("rtt_ms").is_number()) << check.out;
    EXPECT_EQ(relay.at("capacity"), 50) << check.out;
    EXPECT_TRUE(relay.at("load").is_number()) << check.out;
  }
  EXPECT_EQ(regions, (std::set<std::string>{"east", "mid", "west"}));
  const CliResult text =
      alice_->cli_text({"netcheck", "--server", control_->url(), "--pin", control_->pin()});
  EXPECT_NE(text.out.find("LOAD"), std::string::npos) << text.out;
}

}  // namespace
}  // namespace lanrage::lab
