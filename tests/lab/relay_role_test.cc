// A relay alone in another place: enrolled with a control server that has no relay of its own.
#include <boost/json/value.hpp>
#include <fstream>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"
#include "support/relay.hpp"

namespace lanrage::lab {
namespace {

constexpr std::string_view kRegion = "eu";

class RelayRole : public LabTest {
 protected:
  RelayRole() {
    // A relay that is gone is to be noticed while a test waits.
    std::ofstream(settings()) << "limits.heartbeat_interval = \"5s\"\n"
                                 "limits.relay_silent = \"12s\"\n"
                                 "limits.cleanup_interval = \"1s\"\n";
  }
  std::string settings() const { return (directory_.path() / "server.toml").string(); }

  static bool lists(const Server& server, const std::string& relay) {
    return operate(server, {"relays", "--json"}).out.find('"' + relay + '"') != std::string::npos;
  }

 private:
  TempDir directory_;
};

TEST_F(RelayRole, PlayersBehindSymmetricNatsMeetAtARelayElsewhere) {
  const Host& place = network_.add_public_host("server");
  Server& control =
      add_server(place, place.address(), {"--role", "control,stun", "--config", settings()});
  const std::string key = enrolment_key(control);
  Relay relay(network_.add_public_host("relay", true), control, key, std::string(kRegion));
  const std::string id = relay.id();
  const auto last_word = relay.ready().substr(relay.ready().rfind(' ') + 1);
  EXPECT_NE(relay.ready().find(" region=eu "), std::string::npos) << relay.ready();
  EXPECT_TRUE(last_word.starts_with("endpoint=198.51.100.")) << relay.ready();
  EXPECT_TRUE(lists(control, id));

  Player& alice = add_player("alice", NatKind::symmetric);
  Player& bob = add_player("bob", NatKind::symmetric);
  const Membership hosted = alice.create(control, "game night");
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_TRUE(path_becomes(bob, "alice", "relay"));
  EXPECT_EQ(bob.peer("alice").value_or(PeerView{}).relay, id);

  const CliResult check =
      alice.cli({"netcheck", "--server", control.url(), "--pin", control.pin()});
  ASSERT_EQ(check.status, 0) << check.err;
  const auto& report = check.json.as_object();
  EXPECT_EQ(report.at("nat_type").as_string(), "symmetric") << check.out;
  const auto& relays = report.at("relays").as_array();
  ASSERT_EQ(relays.size(), 1u) << check.out;
  EXPECT_EQ(relays[0].at("id").as_string(), id);
  EXPECT_EQ(relays[0].at("region").as_string(), kRegion);
  EXPECT_TRUE(relays[0].at("rtt_ms").is_number()) << check.out;

  // The relay goes on without the control server, and is there when it is back.
  control.kill();
  const PingReport meanwhile = Pinger(bob.host().netns(), hosted.vip).ping(30);
  EXPECT_GE(meanwhile.received, 28) << "while the control server is away";
  control.start();
  EXPECT_TRUE(lists(control, id)) << "from its database";

  relay.kill();
  EXPECT_TRUE(eventually(kSeen, [&] { return !lists(control, id); }, Millis(500)));
  relay.start();
  EXPECT_EQ(relay.id(), id);
  EXPECT_TRUE(lists(control, id));
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_EQ(relay.stop(), 0);
  EXPECT_FALSE(lists(control, id)) << "it said goodbye";

  EXPECT_EQ(relay.log().find(key), std::string::npos);
  EXPECT_EQ(control.log().find(key), std::string::npos);
}

TEST_F(RelayRole, AWrongKeyOrPinIsSaidInASentence) {
  Server& control = add_server();
  const std::string good = enrolment_key(control);
  const TempDir directory;
  const auto attempt = [&](const std::string& key, const std::string& pin) {
    return run(
        {(bin_dir() / "lanrage-server").string(), "--role", "relay", "--control", control.url(),
         "--pin", pin, "--relay-listen", "0.0.0.0:0", "--metrics-listen", "off", "--data-dir",
         (directory.path() / "data").string()},
        {.netns_fd = control.host().netns().fd(), .environment = {{"LANRAGE_ENROLL_KEY", key}}});
  };
  const auto wrong_key = attempt("wrong-wrong-wrong-wrong", control.pin());
  EXPECT_EQ(wrong_key.status, 1);
  EXPECT_NE(wrong_key.err.find("isn't this server's enrolment key"), std::string::npos)
      << wrong_key.err;
  EXPECT_EQ(wrong_key.err.find("wrong-wrong"), std::string::npos) << wrong_key.err;
  const auto wrong_pin = attempt(good, std::string(26, 'a'));
  EXPECT_EQ(wrong_pin.status, 1);
  EXPECT_NE(wrong_pin.err.find("shows the pin " + control.pin()), std::string::npos)
      << wrong_pin.err;
  EXPECT_EQ(wrong_key.out + wrong_pin.out, "");
}

}  // namespace
}  // namespace lanrage::lab
