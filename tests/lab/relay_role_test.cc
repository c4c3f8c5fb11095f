// A relay alone in another place: enrolled with a control server that has no relay of its own.
#include <boost/json/value.hpp>
#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

constexpr std::string_view kRegion = "eu";

// lanrage-server --role relay,stun, on a directory that outlives a kill.
class Relay {
 public:
  Relay(const Host& host, const Server& control, const std::string& key)
      : host_(host),
        argv_{(bin_dir() / "lanrage-server").string(),
              "--role",
              "relay,stun",
              "--control",
              control.url(),
              "--pin",
              control.pin(),
              "--enroll",
              "@" + (directory_.path() / "key").string(),
              "--region",
              std::string(kRegion),
              "--capacity",
              "50",
              "--data-dir",
              (directory_.path() / "data").string()} {
    std::ofstream(directory_.path() / "key") << key << "\n";
    start();
  }
  void start() {
    process_.reset();
    process_ = std::make_unique<Process>(
        argv_, Process::Options{.netns_fd = host_.netns().fd(),
                                .log_prefix = directory_.path() / "relay"});
    const auto line = process_->wait_for_line("ready ", Millis(60'000));
    if (!line) throw LabError("the relay didn't get ready:\n" + log());
    ready_ = *line;
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait(Millis(10'000));
  }
  ExitStatus stop() { return process_->stop(); }
  const std::string& ready() const { return ready_; }
  std::string id() const {
    std::istringstream words(ready_);
    for (std::string word; words >> word;)
      if (word.starts_with("relay=")) return word.substr(6);
    return {};
  }
  std::string log() const { return process_->out() + process_->err(); }

 private:
  const Host& host_;
  TempDir directory_;
  Argv argv_;
  std::unique_ptr<Process> process_;
  std::string ready_;
};

class RelayRole : public LabTest {
 protected:
  RelayRole() {
    // A relay that is gone is to be noticed while a test waits.
    std::ofstream(settings()) << "limits.heartbeat_interval = \"5s\"\n"
                                 "limits.relay_silent = \"12s\"\n"
                                 "limits.cleanup_interval = \"1s\"\n";
  }
  std::string settings() const { return (directory_.path() / "server.toml").string(); }

  static RunResult operate(const Server& server, const Argv& words) {
    Argv argv{(bin_dir() / "lanrage-server").string(), "--data-dir", server.data_dir().string()};
    argv.insert(argv.end(), words.begin(), words.end());
    return run(argv);
  }
  static std::string enrolment_key(const Server& server) {
    const auto shown = operate(server, {"relays", "--enroll-key"});
    EXPECT_EQ(shown.status, 0) << shown.err;
    return shown.out.substr(0, shown.out.find('\n'));
  }
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
  Relay relay(network_.add_public_host("relay", true), control, key);
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
