// A server whose database was lost and restored from a backup, while the party went on.
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"
#include "support/two_way_traffic.hpp"

namespace lanrage::lab {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

class Backup : public LabTest {
 protected:
  std::string program() const { return (bin_dir() / "lanrage-server").string(); }
  void back_up() {
    must_run({program(), "backup", file_.string(), "--data-dir", server_.data_dir().string()});
  }
  void restore() {
    server_.kill();
    fs::remove_all(server_.data_dir());
    must_run({program(), "restore", file_.string(), "--data-dir", server_.data_dir().string()});
    server_.start();
  }
  // A standing alert, or one that is over.
  static bool has_alert(const Player& player, const std::string& code, bool over) {
    const auto party = player.party();
    if (!party) return false;
    for (const auto& alert : party->at("alerts").as_array())
      if (alert.at("code").as_string() == code) return alert.at("until").is_null() != over;
    return false;
  }
  static ::testing::AssertionResult all_is_well(const Player& player) {
    const auto standing = [&] {
      const auto party = player.party();
      if (!party) return true;
      for (const auto& alert : party->at("alerts").as_array())
        if (alert.at("until").is_null()) return true;
      return false;
    };
    if (eventually(kReachable, [&] { return !standing() && player.server_state() == "connected"; }))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << player.nick() << " still is told " << json::serialize(player.party()->at("alerts"));
  }

  Server& server_ = add_server();
  TempDir folder_;
  fs::path file_ = folder_.path() / "lanrage.backup";
};

TEST_F(Backup, MembersHandBackWhatARestoredServerForgot) {
  Player& alice = add_player("alice", NatKind::open);
  Player& bob = add_player("bob", NatKind::open);
  Player& carol = add_player("carol", NatKind::open);
  const Membership hosted = alice.create(server_, "game night");
  const Membership bobs = bob.join(hosted.invite);
  carol.join(hosted.invite);
  ASSERT_TRUE(path_becomes(bob, "alice", "direct"));
  ASSERT_TRUE(path_becomes(alice, "bob", "direct"));
  back_up();

  // A kick, so another roster, party key and invite; a newcomer by that invite; another nick.
  done(alice, {"kick", "carol"});
  const auto later = std::string(done(alice, {"invite"}).at("invite").as_string());
  Player& dave = add_player("dave", NatKind::open);
  const Membership daves = dave.join(later);
  ASSERT_TRUE(pings(dave, hosted.vip));
  done(bob, {"nick", "bobby"});
  ASSERT_TRUE(eventually(kSeen, [&] { return alice.peer("bobby").has_value(); }));
  TwoWayTraffic traffic({alice.host().netns(), hosted.vip}, {bob.host().netns(), bobs.vip}, 50);

  restore();
  EXPECT_TRUE(eventually(kReachable, [&] {
    return has_alert(alice, "server_behind", true) || has_alert(bob, "server_behind", true);
  })) << "nobody noticed, or it isn't mended";
  for (const auto* player : {&alice, &bob, &dave})
    EXPECT_TRUE(all_is_well(*player));

  // It has all of it: whoever comes now meets everybody but carol, by the invite made after the
  // backup.
  Player& erin = add_player("erin", NatKind::open);
  erin.join(later);
  EXPECT_EQ(erin.peers().size(), 3u);
  EXPECT_TRUE(erin.peer("bobby"));
  EXPECT_FALSE(erin.peer("carol"));
  EXPECT_TRUE(pings(erin, hosted.vip));
  EXPECT_TRUE(pings(erin, daves.vip));
  // And host and server agree again.
  done(alice, {"rotate"});

  EXPECT_TRUE(traffic.recovery(Millis(10'000)));
  const auto report = traffic.stop();
  EXPECT_LE(report.lost * 20, report.sent) << "the tunnel between members suffered";
}

TEST_F(Backup, WhoCameLaterWaitsForAMemberWhomTheServerKnows) {
  Player& alice = add_player("alice", NatKind::open);
  const Membership hosted = alice.create(server_, "game night");
  back_up();
  Player& dave = add_player("dave", NatKind::open);
  dave.join(hosted.invite);
  ASSERT_TRUE(pings(dave, hosted.vip));
  alice.stop_agent();

  restore();
  EXPECT_TRUE(
      eventually(kReachable, [&] { return has_alert(dave, "server_forgot_party", false); }));
  EXPECT_EQ(dave.peers().size(), 1u) << "alice stays a peer";
  alice.start_agent();
  EXPECT_TRUE(all_is_well(alice));
  EXPECT_TRUE(all_is_well(dave));
  EXPECT_TRUE(pings(dave, hosted.vip));
}

}  // namespace
}  // namespace lanrage::lab
