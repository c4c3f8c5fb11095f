#include "server/options.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "support/temp_dir.hpp"

namespace lanrage::server {
namespace {

Invocation parsed(const std::vector<std::string>& arguments) {
  auto invocation = parse_options(arguments, "1.2.3");
  EXPECT_TRUE(invocation) << invocation.error().text;
  return invocation ? *invocation : Invocation{};
}

Stop stopped(const std::vector<std::string>& arguments) {
  const auto invocation = parse_options(arguments, "1.2.3");
  EXPECT_FALSE(invocation);
  return invocation ? Stop{} : invocation.error();
}

struct OptionsTest : ::testing::Test {
  lab::TempDir folder;
  std::string file = (folder.path() / "server.toml").string();
  void write(const std::string& text) const { std::ofstream(file) << text; }
};

TEST_F(OptionsTest, WithoutAnyServesWithTheDefaults) {
  const auto run = parsed({});
  EXPECT_EQ(run.command, Command::serve);
  EXPECT_EQ(run.config.listen.to_string(), "[::]:8667");
  EXPECT_EQ(run.config.role.size(), 3u);
  EXPECT_NE(run.config.data_dir, "");
}

TEST_F(OptionsTest, FlagsWinOverTheFile) {
  write("listen = \"0.0.0.0:1\"\nstun_listen = \"0.0.0.0:2\"\ninsecure_http = false\n");
  const auto run = parsed({"--config", file, "--listen", "127.0.0.1:3", "--insecure-http"});
  EXPECT_EQ(run.config.listen.to_string(), "127.0.0.1:3");
  EXPECT_EQ(run.config.stun_listen.to_string(), "0.0.0.0:2");
  EXPECT_TRUE(run.config.insecure_http);
}

TEST_F(OptionsTest, EveryFlagReachesItsSetting) {
  const auto c = parsed({"--data-dir=/d",
                         "--store=sqlite:/s",
                         "--role=control,relay",
                         "--listen=[::]:1",
                         "--public-address=203.0.113.1",
                         "--relay-listen=0.0.0.0:2",
                         "--stun-listen=0.0.0.0:3",
                         "--region=eu",
                         "--relay-threads=3",
                         "--relay-offload=send",
                         "--xdp=generic",
                         "--map-ports=off",
                         "--sandbox=off",
                         "--tls-cert=/c",
                         "--tls-key=/k",
                         "--create-policy=listed",
                         "--creator=aaaaaaaaaaaaaaaaaaaaaaaaaa",
                         "--creator=caaaaaaaaaaaaaaaaaaaaaaaaa",
                         "--metrics-listen=off",
                         "--log-level=debug",
                         "--audit-log=/a"})
                     .config;
  EXPECT_EQ(c.data_dir, "/d");
  EXPECT_EQ(c.store, "sqlite:/s");
  EXPECT_EQ(c.role, (std::vector<std::string>{"control", "relay"}));
  EXPECT_EQ(c.listen.to_string(), "[::]:1");
  EXPECT_EQ(c.public_address->to_string(), "203.0.113.1");
  EXPECT_EQ(c.relay_listen.port, 2);
  EXPECT_EQ(c.stun_listen.port, 3);
  EXPECT_EQ(c.region, "eu");
  EXPECT_EQ(c.relay_threads, 3u);
  EXPECT_EQ(c.relay_offload, (RelayTrains{.receive = false, .send = true}));
  EXPECT_EQ(c.xdp, xdp::Mode::generic);
  EXPECT_FALSE(c.map_ports);
  EXPECT_FALSE(c.sandbox);
  EXPECT_EQ(c.tls_cert, "/c");
  EXPECT_EQ(c.tls_key, "/k");
  EXPECT_EQ(c.create_policy, protocol::CreatePolicy::listed);
  EXPECT_EQ(c.creator.size(), 2u);
  EXPECT_FALSE(c.metrics_listen);
  EXPECT_EQ(c.log_level, io::LogLevel::debug);
  EXPECT_EQ(c.audit_log, "/a");
  EXPECT_TRUE(parsed({"--insecure-http"}).config.insecure_http);
}

TEST_F(OptionsTest, SubcommandsTakeFlagsBeforeAndBehind) {
  EXPECT_EQ(parsed({"--data-dir", "/d", "check"}).command, Command::check);
  const auto kick = parsed({"kick", "LAN night", "alice", "--data-dir", "/d"});
  EXPECT_EQ(kick.command, Command::kick);
  EXPECT_EQ(kick.party, "LAN night");
  EXPECT_EQ(kick.peer, "alice");
  EXPECT_EQ(kick.config.data_dir, "/d");
  const auto parties = parsed({"parties", "--json"});
  EXPECT_EQ(parties.command, Command::parties);
  EXPECT_TRUE(parties.json);
  EXPECT_TRUE(parsed({"relays", "--json"}).json);
  EXPECT_EQ(parsed({"backup", "b"}).file, "b");
  EXPECT_EQ(parsed({"restore", "b"}).command, Command::restore);
}

TEST_F(OptionsTest, ARelayAlone) {
  const auto c = parsed({"--role", "relay,stun", "--control", "https://control.example", "--enroll",
                         "@/etc/key", "--pin", "jef2e6stn25doxiqfyqlw3fyr4", "--capacity", "50"})
                     .config;
  EXPECT_FALSE(c.has_role("control"));
  EXPECT_EQ(c.control, "https://control.example");
  EXPECT_EQ(c.enroll.expose(), "@/etc/key");
  EXPECT_EQ(c.pin, "jef2e6stn25doxiqfyqlw3fyr4");
  EXPECT_EQ(c.relay.clients, 50u);
  EXPECT_TRUE(parsed({"relays", "--enroll-key"}).enroll_key);
  EXPECT_FALSE(parsed({"relays"}).enroll_key);
}

TEST_F(OptionsTest, BadUsageIsStatus2AndNamesTheFlag) {
  for (const auto& [arguments, what] :
       std::initializer_list<std::pair<std::vector<std::string>, const char*>>{
           {{"--listen", "8667"}, "--listen: expected ADDRESS:PORT"},
           {{"--role", "dns"}, "--role: expected"},
           {{"--role", "relay"}, "--control"},
           {{"--role", "stun"}, "--role"},
           {{"--capacity", "many"}, "--capacity: expected a whole number"},
           {{"--enroll", "short"}, "--enroll: expected"},
           {{"--tls-cert", "/c"}, "--tls-key"},
           {{"--colour"}, "--colour"},
           {{"backup"}, "FILE"},
           {{"kick", "party"}, "PEER"},
           {{"check", "parties"}, ""},
           {{"dance"}, "dance"},
           {{"--listen", "0.0.0.0:1", "--listen", "0.0.0.0:2"}, "--listen"},
           {{"--creator", "me"}, "--creator"}}) {
    const auto stop = stopped(arguments);
    EXPECT_EQ(stop.status, 2) << arguments.front();
    EXPECT_NE(stop.text.find(what), std::string::npos) << stop.text;
    EXPECT_TRUE(stop.text.ends_with('\n'));
  }
}

TEST_F(OptionsTest, ABadFileIsStatus1AndNamesItsLine) {
  write("\nlimits.parties = 0\n");
  const auto stop = stopped({"--config", file});
  EXPECT_EQ(stop.status, 1);
  EXPECT_NE(stop.text.find(file + ":2: limits.parties: expected"), std::string::npos) << stop.text;
}

TEST_F(OptionsTest, HelpAndVersionAreStatus0) {
  const auto help = stopped({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.text.find("--metrics-listen"), std::string::npos);
  EXPECT_NE(help.text.find("restore"), std::string::npos);
  const auto version = stopped({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_NE(version.text.find("1.2.3"), std::string::npos);
}

TEST_F(OptionsTest, RereadsTheFileAsItIsNow) {
  write("log_level = \"debug\"");
  const std::vector<std::string> arguments{"--config", file};
  EXPECT_EQ(reread_config(arguments)->log_level, io::LogLevel::debug);
  write("log_level = \"error\"");
  EXPECT_EQ(reread_config(arguments)->log_level, io::LogLevel::error);
  write("log_level = 3");
  const auto bad = reread_config(arguments);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message().find("log_level: expected"), std::string::npos);
}

TEST_F(OptionsTest, RelayTopHasOptionsOfItsOwn) {
  const auto plain = parsed({"relay", "top", "--data-dir", "/d"});
  EXPECT_EQ(plain.command, Command::relay_top);
  EXPECT_EQ(plain.config.data_dir, "/d");
  EXPECT_EQ(plain.count, 10u);
  EXPECT_FALSE(plain.json || plain.once);
  const auto all = parsed({"relay", "top", "--json", "--once", "--count", "100"});
  EXPECT_EQ(all.count, 100u);
  EXPECT_TRUE(all.json && all.once);
  for (const auto& bad : std::vector<std::vector<std::string>>{{"relay"},
                                                               {"relay", "bottom"},
                                                               {"relay", "top", "--count", "0"},
                                                               {"relay", "top", "--count", "101"},
                                                               {"relay", "top", "--count", "x"}})
    EXPECT_EQ(stopped(bad).status, 2);
}

}  // namespace
}  // namespace lanrage::server
