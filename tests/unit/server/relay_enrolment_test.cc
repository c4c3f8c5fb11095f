// A relay's own side of its enrolment, against a real server on loopback.
#include "server/relay_enrolment.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "relay/token.hpp"
#include "server/relay_id_file.hpp"
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

using namespace std::chrono_literals;

class Enrolment : public ServerFixture {
 protected:
  void SetUp() override {
    config.limits.heartbeat_interval = 1s;
    config.services.relay_id = RelayId{{200}}.to_string();
    config.services.relay.reset();
    start();
  }
  RelayEnrolment::Settings settings() const {
    RelayEnrolment::Settings out;
    out.server = origin();
    out.key = config.keys.enrolment_key;
    out.relay = {RelayId{{1}}.to_string(), "eu", {*Endpoint::parse("0.0.0.0:51820")}, {}, 10, 0};
    out.retry = {10ms, 50ms};
    return out;
  }
  void begin(RelayEnrolment::Settings with) {
    enrolment = RelayEnrolment::start(
        io(), std::move(with),
        {[this] { return clients; },
         [this](const protocol::EnrollRelayAnswer& answer) { answers.push_back(answer); },
         [this](const Error& error, bool hopeless) {
           failures.emplace_back(error.code(), hopeless);
         }},
        random);
  }
  template <class Condition>
  void run_until(Condition condition) {
    while (!condition())
      ASSERT_NE(io().run_one(), 0u);
  }
  std::vector<protocol::Relay> listed() {
    Device anybody(*this);
    return anybody.get("/info").as<protocol::InfoAnswer>().relays;
  }

  std::uint64_t clients = 3;
  std::vector<protocol::EnrollRelayAnswer> answers;
  std::vector<std::pair<std::string, bool>> failures;  // code, hopeless
  std::unique_ptr<RelayEnrolment> enrolment;
};

TEST_F(Enrolment, AnnouncesAgainWithItsLoadAndSaysGoodbye) {
  begin(settings());
  run_until([&] { return !answers.empty(); });
  EXPECT_EQ(answers[0].token_key, config.keys.relay_key.public_key());
  EXPECT_EQ(answers[0].endpoints, std::vector{*Endpoint::parse("127.0.0.1:51820")});
  ASSERT_EQ(listed().size(), 1u);
  EXPECT_EQ(listed()[0].load, 3u);
  clients = 4;
  run_until([&] { return answers.size() == 2; });
  EXPECT_EQ(listed()[0].load, 4u);
  bool done = false;
  enrolment->stop([&] { done = true; });
  run_until([&] { return done; });
  EXPECT_TRUE(listed().empty());
  EXPECT_TRUE(failures.empty());
}

TEST_F(Enrolment, AWrongKeyOrPinIsHopelessAndNothingElseIs) {
  auto wrong_key = settings();
  wrong_key.key = SecretText("wrong-wrong-wrong-wrong");
  begin(wrong_key);
  run_until([&] { return !failures.empty(); });
  EXPECT_EQ(failures[0], (std::pair<std::string, bool>("unknown_token", true)));
  failures.clear();
  auto wrong_pin = settings();
  wrong_pin.server.policy.pin = io::Pin{};
  begin(wrong_pin);
  run_until([&] { return !failures.empty(); });
  EXPECT_EQ(failures[0], (std::pair<std::string, bool>("pin_mismatch", true)));
  failures.clear();
  kill();
  begin(settings());
  run_until([&] { return !failures.empty(); });
  EXPECT_FALSE(failures[0].second) << failures[0].first;
  EXPECT_TRUE(answers.empty());
}

TEST_F(Enrolment, TriesForEverAndFollowsAChangedTokenKey) {
  begin(settings());
  run_until([&] { return answers.size() == 1; });
  kill();
  run_until([&] { return failures.size() >= 3; });
  start();
  answers.clear();
  run_until([&] { return !answers.empty(); });
  EXPECT_EQ(listed().size(), 1u);

  // As after the restore of an older backup, or with a database made anew.
  kill();
  std::filesystem::remove(folder().path() / "server.db");
  const auto key = config.keys.relay_key.public_key();
  start();
  failures.clear();
  run_until([&] { return !failures.empty(); });
  EXPECT_EQ(failures[0].first, "unknown_token") << "it goes on asking";
  auto again = settings();
  begin(std::move(again));
  answers.clear();
  run_until([&] { return !answers.empty(); });
  EXPECT_NE(answers[0].token_key, key);
}

TEST_F(Enrolment, EndsWithoutAServerToo) {
  begin(settings());
  run_until([&] { return !answers.empty(); });
  kill();
  bool done = false;
  enrolment->stop([&] { done = true; });
  run_until([&] { return done; });
}

TEST(RelayIdFile, KeepsOneIdAndReplacesNoDamagedFile) {
  const TemporaryFolder folder;
  crypto::SystemRandom random;
  const auto made = load_or_make_relay_id(folder.path(), random);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(*load_or_make_relay_id(folder.path(), random), *made);
  const auto file = folder.path() / "relay_id";
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);

  std::filesystem::resize_file(file, 5);
  const auto damaged = load_or_make_relay_id(folder.path(), random);
  ASSERT_FALSE(damaged);
  EXPECT_TRUE(damaged.error().is(RelayIdErrc::damaged));
  EXPECT_EQ(std::filesystem::file_size(file), 5u);

  const auto nowhere = load_or_make_relay_id(folder.path() / "absent", random);
  ASSERT_FALSE(nowhere);
  EXPECT_TRUE(nowhere.error().is(RelayIdErrc::cannot_write));
}

}  // namespace lanrage::server::test
