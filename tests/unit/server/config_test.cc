#include "server/config.hpp"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>

#include "server/settings.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::server {
namespace {

std::string example() {
  std::ifstream file(LANRAGE_EXAMPLE_CONFIG);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The message of what must be refused.
std::string refusal(std::string_view toml, ConfigErrc code = ConfigErrc::invalid_setting) {
  const auto config = parse_config(toml, "server.toml");
  if (config) return "accepted";
  EXPECT_TRUE(config.error().is(code)) << config.error().code();
  return config.error().message();
}

Config parsed(std::string_view toml) {
  auto config = parse_config(toml, "server.toml");
  EXPECT_TRUE(config) << config.error().message();
  return config ? *config : Config{};
}

TEST(Config, TheExampleSaysTheDefaults) {
  const auto text = example();
  // From other values, so that a line that is missing shows.
  Config other;
  other.listen.port = 1;
  other.limits.parties = 1;
  const Config config = parsed(text);
  const Config from_other = *parse_config(text, "server.toml", other);
  const Config defaults;
  for (const auto& setting : settings()) {
    EXPECT_EQ(setting.show(config), setting.show(defaults)) << setting.key;
    EXPECT_EQ(setting.show(from_other), setting.show(defaults)) << setting.key;
  }
}

TEST(Config, TheExampleMentionsEveryKey) {
  const std::regex header(R"(^\[([a-z_.]+)\]$)");
  const std::regex line(R"(^#?([a-z_]+) = (\{ ([a-z_]+) = .*, ([a-z_]+) = .* \})?.*$)");
  std::set<std::string> mentioned;
  std::string table;
  std::istringstream text(example());
  for (std::string each; std::getline(text, each);) {
    std::smatch match;
    if (std::regex_match(each, match, header)) {
      table = match[1].str() + ".";
    } else if (std::regex_match(each, match, line)) {
      const std::string key = table + match[1].str();
      if (!match[2].matched) mentioned.insert(key);
      for (const int inner : {3, 4})
        if (match[2].matched) mentioned.insert(key + "." + match[inner].str());
    }
  }
  for (const auto& setting : settings())
    EXPECT_EQ(mentioned.erase(setting.key), 1u) << setting.key << " isn't in server.toml";
  for (const auto& key : mentioned)
    ADD_FAILURE() << "server.toml has " << key << ", which is no setting";
}

// Whoever adds a limit adds its setting, its line in server.toml, and corrects these numbers.
TEST(Config, EveryLimitIsASetting) {
  const auto count = [](std::string_view prefix) {
    return std::ranges::count_if(settings(),
                                 [&](const auto& s) { return s.key.starts_with(prefix); });
  };
  constexpr auto kParty = sizeof(party::Limits) / 8;
  constexpr auto kHttp = sizeof(io::ServerLimits) / 8;
  EXPECT_EQ(count("limits.party."), kParty);
  EXPECT_EQ(count("limits.http."), kHttp);
  EXPECT_EQ(count("limits."), sizeof(Limits) / 8) << "all fields have 8 bytes";
}

TEST(Config, ReadsEachKindOfValue) {
  const Config c = parsed(R"(
    listen = "[::1]:9000"
    public_address = "203.0.113.10"
    role = ["control", "relay"]
    insecure_http = true
    create_policy = "listed"
    creator = ["aaaaaaaaaaaaaaaaaaaaaaaaaa"]
    metrics_listen = "off"
    map_ports = "off"
    sandbox = "off"
    log_level = "warning"
    limits.parties = 5
    limits.token_lifetime = 3600
    limits.challenge_lifetime = "1m"
    limits.http.close_time = "1500ms"
    limits.requests_a_peer = { per_second = 1, burst = 2.5 }
    [limits.updates_a_peer]
    burst = 7
    [relay]
    client_bytes.per_second = 1000000
    group_packets = { per_second = 9, burst = 99 })");
  EXPECT_EQ(c.listen.to_string(), "[::1]:9000");
  EXPECT_EQ(c.public_address->to_string(), "203.0.113.10");
  EXPECT_TRUE(c.has_role("relay"));
  EXPECT_FALSE(c.has_role("stun"));
  EXPECT_TRUE(c.insecure_http);
  EXPECT_EQ(c.create_policy, protocol::CreatePolicy::listed);
  EXPECT_EQ(c.creator.size(), 1u);
  EXPECT_FALSE(c.metrics_listen);
  EXPECT_FALSE(c.map_ports);
  EXPECT_FALSE(c.sandbox);
  EXPECT_EQ(c.log_level, io::LogLevel::warning);
  EXPECT_EQ(c.limits.parties, 5u);
  EXPECT_EQ(c.limits.token_lifetime, std::chrono::hours(1));
  EXPECT_EQ(c.limits.challenge_lifetime, std::chrono::minutes(1));
  EXPECT_EQ(c.limits.http.close_time, std::chrono::milliseconds(1'500));
  EXPECT_EQ(c.limits.requests_a_peer.per_second, 1);
  EXPECT_EQ(c.limits.requests_a_peer.burst, 2.5);
  EXPECT_EQ(c.limits.updates_a_peer.per_second, Limits{}.updates_a_peer.per_second) << "untouched";
  EXPECT_EQ(c.limits.updates_a_peer.burst, 7);
  EXPECT_EQ(c.relay.client_bytes.per_second, 1'000'000u);
  EXPECT_EQ(c.relay.group_packets.per_second, 9u);
  EXPECT_EQ(c.relay.group_packets.burst, 99u);
}

TEST(Config, AnErrorNamesFileLineKeyWhatWasExpectedAndWhatItWas) {
  EXPECT_EQ(
      refusal("\n\nlimits.parties = \"many\"\n"),
      R"(server.toml:3: limits.parties: expected a whole number from 1 to 1000000, got "many")");
  EXPECT_EQ(refusal("[limits]\nparties = 0"),
            "server.toml:2: limits.parties: expected a whole number from 1 to 1000000, got 0");
  EXPECT_EQ(refusal("listen = \"8667\""),
            "server.toml:1: listen: expected ADDRESS:PORT, for example \"0.0.0.0:8667\" or "
            "\"[::1]:8667\", got \"8667\"");
  EXPECT_EQ(refusal("insecure_http = 1"),
            "server.toml:1: insecure_http: expected true or false, got 1");
  EXPECT_EQ(refusal("limits.party_unused_for = \"90m\""),
            "server.toml:1: limits.party_unused_for: expected a time from 1h to 3650d in steps of "
            "1h, such as \"90s\", \"5m\", \"24h\" or \"30d\", got \"90m\"");
  EXPECT_EQ(
      refusal("role = [\"control\", 3]"),
      "server.toml:1: role: expected a list out of \"control\", \"stun\" and \"relay\", got a "
      "list of something else than strings");
  EXPECT_EQ(refusal("listen = 1979-05-27"),
            "server.toml:1: listen: expected ADDRESS:PORT, for example \"0.0.0.0:8667\" or "
            "\"[::1]:8667\", got a date or time");
  EXPECT_EQ(refusal("limits = 5"), "server.toml:1: limits: expected a table");
  EXPECT_EQ(refusal("\nlimits.partys = 5", ConfigErrc::unknown_setting),
            "server.toml:2: limits.partys: there is no such setting; did you mean limits.parties?");
  EXPECT_EQ(refusal("colour = 5", ConfigErrc::unknown_setting),
            "server.toml:1: colour: there is no such setting");
  EXPECT_TRUE(
      refusal("listen = \nrole", ConfigErrc::not_toml).starts_with("server.toml:1: not TOML"))
      << refusal("listen = \nrole", ConfigErrc::not_toml);
}

TEST(Config, BeyondAsciiIsForStringsAndComments) {
  EXPECT_EQ(parsed("store = \"sqlite:/srv/\u00fc.db\" # f\u00fcr uns").store,
            "sqlite:/srv/\u00fc.db");
  EXPECT_EQ(parsed("store = 'sqlite:/srv/\u00fc\"#.db'").store, "sqlite:/srv/\u00fc\"#.db");
  for (const char* bad : {"\n\u0488 = 1", "\nlisten\u00e9 = 1", "\nlimits.parties = 5 \u00e9",
                          "\n[limits\u0488]", "'a\n\u0488 = 1"})
    EXPECT_EQ(refusal(bad, ConfigErrc::not_toml),
              "server.toml:2: characters beyond ASCII belong into quotes")
        << bad;
  EXPECT_NE(refusal("store = \"\\\u0488\"", ConfigErrc::not_toml).find("escape"),
            std::string::npos);
  EXPECT_NE(refusal("a = 1980'02-2\u0267", ConfigErrc::not_toml).find("no string can begin"),
            std::string::npos);
  for (const char* several : {"store = '''a'b'''\u0488", "store = \"\"\"\n\u0488\"\"\""})
    EXPECT_NE(refusal(several, ConfigErrc::not_toml).find("several lines"), std::string::npos);
}

TEST(Config, RefusesValuesOfTheWrongKind) {
  for (const char* bad : {"role = []",
                          "role = [\"control\", \"control\"]",
                          "role = \"control\"",
                          "role = [\"dns\"]",
                          "public_address = \"0.0.0.0\"",
                          "public_address = \"224.0.0.1\"",
                          "public_address = \"example.org\"",
                          "creator = [\"me\"]",
                          "create_policy = \"nobody\"",
                          "metrics_listen = \"on\"",
                          "metrics_listen = false",
                          "map_ports = true",
                          "relay_offload = \"on\"",
                          "relay_offload = true",
                          "sandbox = \"strict\"",
                          "sandbox = false",
                          "xdp = \"fast\"",
                          "xdp = true",
                          "relay_threads = 257",
                          "relay_threads = -1",
                          "log_level = \"loud\"",
                          "region = \"EU west\"",
                          "region = \"\"",
                          "data_dir = \"\"",
                          "data_dir = \"a\\u0000b\"",
                          "limits.parties = 1.5",
                          "limits.parties = -1",
                          "limits.requests_a_peer.burst = nan",
                          "limits.requests_a_peer.burst = inf",
                          "limits.requests_a_peer.burst = 0.5",
                          "limits.token_lifetime = -5",
                          "limits.token_lifetime = \"5 m\"",
                          "limits.token_lifetime = \"5w\"",
                          "limits.token_lifetime = \"\"",
                          "limits.token_lifetime = \"1.5h\"",
                          "limits.token_lifetime = 9223372036854775807",
                          "limits.token_lifetime = \"9223372036854775807d\"",
                          "limits.party.peers = 1001"})
    EXPECT_NE(refusal(bad).find("expected"), std::string::npos) << bad;
}

TEST(Config, AValueThatIsQuotedBackIsShortAndOnOneLine) {
  const auto message = refusal("listen = \"" + std::string(10'000, 'x') + "\"");
  EXPECT_LT(message.size(), 250u);
  EXPECT_EQ(refusal("listen = \"a\\nb\\u001b\"").find_first_of("\n\x1b"), std::string::npos);
}

TEST(Config, TheEnrolmentKeyIsNeverQuotedBack) {
  for (const char* bad : {"enroll = \"geheim geheim geheim\"", "enroll = \"geheim\"",
                          "enroll = \"@\"", "enroll = [\"geheim\"]"}) {
    const auto message = refusal(bad);
    EXPECT_NE(message.find("enroll: expected @ and"), std::string::npos) << message;
    EXPECT_EQ(message.find("geheim"), std::string::npos) << message;
  }
  Config config;
  EXPECT_EQ(set_from_flag(config, "enroll", {"geheim"}).error().message().find("geheim"),
            std::string::npos);
  config = parsed("enroll = \"geheim-geheim-geheim\"");
  EXPECT_EQ(find_setting("enroll")->show(config), "");
  EXPECT_EQ(enrolment_key_of(config)->expose(), "geheim-geheim-geheim");
}

TEST(Config, TheEnrolmentKeyAlsoComesFromAFileOrTheEnvironment) {
  const lab::TempDir folder;
  const std::string file = (folder.path() / "key").string();
  const Config config = parsed("enroll = \"@" + file + "\"");
  const auto refused = [&] {
    const auto key = enrolment_key_of(config);
    EXPECT_FALSE(key);
    return key ? "accepted" : key.error().message();
  };
  EXPECT_NE(refused().find("can't read " + file), std::string::npos);
  std::ofstream(file) << "";
  EXPECT_NE(refused().find("it is empty"), std::string::npos);
  std::ofstream(file) << "too short\n";
  EXPECT_NE(refused().find("isn't an enrolment key"), std::string::npos);
  EXPECT_EQ(refused().find("too short"), std::string::npos);
  std::ofstream(file) << "from-a-file-0123456789 \r\n";
  EXPECT_EQ(enrolment_key_of(config)->expose(), "from-a-file-0123456789");

  ::unsetenv("LANRAGE_ENROLL_KEY");
  EXPECT_TRUE(enrolment_key_of({})->empty());
  ::setenv("LANRAGE_ENROLL_KEY", "from-the-environment", 1);
  EXPECT_EQ(enrolment_key_of({})->expose(), "from-the-environment");
  EXPECT_EQ(enrolment_key_of(config)->expose(), "from-a-file-0123456789");
  ::setenv("LANRAGE_ENROLL_KEY", "bad key", 1);
  EXPECT_FALSE(enrolment_key_of({}));
  ::unsetenv("LANRAGE_ENROLL_KEY");
}

TEST(Config, ARelayAloneNamesItsControlServer) {
  const auto contradiction = [](const std::string& toml) {
    const auto checked = check_consistency(parsed(toml));
    return checked ? std::string("fine") : std::string(checked.error().field());
  };
  const std::string alone = "role = [\"relay\", \"stun\"]\n";
  const std::string control = "control = \"https://203.0.113.10:8667\"\n";
  EXPECT_EQ(contradiction(alone + control), "fine");
  EXPECT_EQ(contradiction(alone + control + "pin = \"jef2e6stn25doxiqfyqlw3fyr4\""), "fine");
  EXPECT_EQ(contradiction(alone), "--control");
  EXPECT_EQ(contradiction("role = [\"stun\"]\n" + control), "--role");
  EXPECT_EQ(contradiction(control), "--control") << "it is one itself";
  EXPECT_EQ(contradiction("pin = \"jef2e6stn25doxiqfyqlw3fyr4\""), "--pin");
  const std::string plain = alone + "control = \"http://203.0.113.10:8667\"\n";
  EXPECT_EQ(contradiction(plain), "--control") << "the key would travel in the clear";
  EXPECT_EQ(contradiction(plain + "insecure_http = true"), "fine");
  EXPECT_EQ(contradiction("limits.relay_silent = \"59s\""), "limits.relay_silent");
  EXPECT_EQ(contradiction("limits.relay_silent = \"60s\""), "fine");
  for (const char* bad : {"control = \"203.0.113.10\"", "pin = \"short\""})
    EXPECT_NE(refusal(bad).find("expected"), std::string::npos) << bad;
}

TEST(Config, AFlagIsJudgedAsTheFileIsAndWins) {
  Config config = parsed("listen = \"0.0.0.0:1\"\nlimits.parties = 5");
  EXPECT_TRUE(set_from_flag(config, "listen", {"127.0.0.1:2"}));
  EXPECT_TRUE(set_from_flag(config, "role", {"control"}));
  EXPECT_TRUE(set_from_flag(config, "insecure_http", {"true"}));
  EXPECT_EQ(config.listen.port, 2);
  EXPECT_EQ(config.role.size(), 1u);
  EXPECT_TRUE(config.insecure_http);
  EXPECT_EQ(config.limits.parties, 5u);
  const auto refused = set_from_flag(config, "stun_listen", {"3478"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "--stun-listen: expected ADDRESS:PORT, for example \"0.0.0.0:3478\" or "
            "\"[::1]:8667\", got \"3478\"");
}

TEST(Config, ContradictionsNameTheFlags) {
  const auto contradiction = [](std::string_view toml) {
    const auto checked = check_consistency(parsed(toml));
    return checked ? std::string() : checked.error().field();
  };
  EXPECT_EQ(contradiction(""), "");
  EXPECT_EQ(contradiction("tls_cert = \"a\""), "--tls-key");
  EXPECT_EQ(contradiction("tls_key = \"a\""), "--tls-cert");
  EXPECT_EQ(contradiction("insecure_http = true\ntls_cert = \"a\"\ntls_key = \"b\""),
            "--insecure-http");
  EXPECT_EQ(contradiction("creator = [\"aaaaaaaaaaaaaaaaaaaaaaaaaa\"]"), "--creator");
  EXPECT_EQ(contradiction("stun_listen = \"0.0.0.0:65535\""), "--stun-listen");
  EXPECT_EQ(contradiction("limits.http.ping_every = \"30s\""), "limits.http.ping_every");
}

TEST(Config, AFileThatCannotBeReadIsNamed) {
  const lab::TempDir folder;
  const std::string path = (folder.path() / "server.toml").string();
  const auto absent = load_config(path);
  ASSERT_FALSE(absent);
  EXPECT_TRUE(absent.error().is(ConfigErrc::cannot_read));
  EXPECT_NE(absent.error().message().find(path), std::string::npos);
  EXPECT_FALSE(load_config(folder.path().string())) << "a folder";
  std::ofstream(path) << "limits.parties = 7";
  const auto read = load_config(path);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->limits.parties, 7u);
}

TEST(Config, DurationsShowInTheLargestUnitThatFits) {
  using std::chrono::milliseconds;
  for (const auto& [text, ms] :
       std::initializer_list<std::pair<const char*, std::int64_t>>{{"0s", 0},
                                                                   {"1ms", 1},
                                                                   {"1500ms", 1'500},
                                                                   {"90s", 90'000},
                                                                   {"5m", 300'000},
                                                                   {"36h", 129'600'000},
                                                                   {"30d", 2'592'000'000}}) {
    EXPECT_EQ(format_duration(milliseconds(ms)), text);
    EXPECT_EQ(parse_duration(text), milliseconds(ms));
  }
}

}  // namespace
}  // namespace lanrage::server
