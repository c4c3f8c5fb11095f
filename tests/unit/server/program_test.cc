// The program itself, as its operator runs it: signals, metrics, backup and restore.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>
#include <sys/stat.h>

#include "io/http_client.hpp"
#include "io/tls.hpp"
#include "support/process.hpp"
#include "support/server.hpp"
#include "support/temp_dir.hpp"
#include "unit/server/exposition_reader.hpp"

namespace lanrage::server {
namespace {

namespace fs = std::filesystem;
using lab::Argv;
using lab::Millis;

constexpr Millis kLong{60'000};

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class ProgramTest : public ::testing::Test {
 protected:
  Argv command(const Argv& more, const fs::path& data_dir) const {
    Argv argv{(lab::bin_dir() / "lanrage-server").string(), "--data-dir", data_dir.string()};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  lab::RunResult run(const Argv& more) const { return lab::run(command(more, data_dir())); }

  // On loopback and any free ports; returns the line that says ready.
  std::string start(const Argv& more = {}) { return start_on(data_dir(), more); }
  std::string start_on(const fs::path& data_dir, const Argv& more = {}) {
    Argv arguments{"--listen",      "127.0.0.1:0", "--relay-listen",   "127.0.0.1:0",
                   "--stun-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
                   "--log-level",   "debug"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    process.emplace(command(arguments, data_dir),
                    lab::Process::Options{.log_prefix = folder.path() / "log"});
    const auto ready = process->wait_for_line("ready ", kLong);
    EXPECT_TRUE(ready) << process->err();
    return ready.value_or("");
  }

  // Waits for a line of the log that has all of this.
  std::string logged(const std::string& pattern) const {
    const std::regex wanted(pattern);
    std::string found;
    (void)lab::eventually(kLong, [&] {
      std::istringstream lines(process->err());
      for (std::string line; std::getline(lines, line);)
        if (std::regex_search(line, wanted)) found = line;
      return !found.empty();
    });
    return found;
  }

  // GET on loopback, over TLS where a pin is given.
  static Result<io::HttpResponse> get(std::uint16_t port, const std::string& target,
                                      const std::optional<io::Pin>& pin) {
    boost::asio::io_context loop;
    io::Origin origin{"127.0.0.1", port, pin.has_value(), {}};
    origin.policy.pin = pin;
    const auto client = io::HttpClient::make(loop, origin);
    std::optional<Result<io::HttpResponse>> answer;
    boost::asio::co_spawn(
        loop, client->request(io::Method::get, target, {}, {}, kLong),
        [&](const std::exception_ptr&, Result<io::HttpResponse> got) { answer = std::move(got); });
    while (!answer)
      loop.run_one();
    return std::move(*answer);
  }

  fs::path data_dir() const { return folder.path() / "data"; }

  lab::TempDir folder;
  std::optional<lab::Process> process;
};

std::string word_of(const std::string& line, const std::string& name) {
  std::smatch match;
  return std::regex_search(line, match, std::regex(name + "=(\\S+)")) ? match[1].str() : "";
}

std::uint16_t port_of(const std::string& text) {
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

TEST_F(ProgramTest, ServesMetricsThatFollowTheFormat) {
  const auto ready = start();
  const auto pin = io::parse_pin(word_of(ready, "pin"));
  ASSERT_TRUE(pin) << ready;
  ASSERT_TRUE(get(port_of(word_of(ready, "url")), "/health/live", pin));
  ASSERT_TRUE(get(port_of(word_of(ready, "url")), "/parties/nobody/knows", pin));
  const auto port = port_of(word_of(logged("event=metrics "), "listen"));
  const auto metrics = get(port, "/metrics", std::nullopt);
  ASSERT_TRUE(metrics) << metrics.error().message();
  EXPECT_EQ(metrics->status, 200);
  EXPECT_EQ(metrics->content_type, "text/plain; version=0.0.4; charset=utf-8");
  const test::ExpositionReader read(metrics->body);
  EXPECT_EQ(read.complaint(), "");
  for (const char* series :
       {"lanrage_http_connections_total", "lanrage_store_commit_writes_count",
        "lanrage_relay_clients", R"(lanrage_stun_requests_total{result="answered"})",
        "lanrage_process_resident_memory_bytes", "lanrage_process_cpu_seconds_total",
        "lanrage_process_open_fds", R"(lanrage_cleanup_removed_total{what="tokens"})"})
    EXPECT_TRUE(read.value(series)) << series;
  EXPECT_EQ(read.value(R"(lanrage_http_requests_total{method="",route="none",code="404"})"), 1);
  EXPECT_EQ(get(port, "/", std::nullopt)->status, 404);
  EXPECT_EQ(process->stop(), 0) << process->err();
}

TEST_F(ProgramTest, HangupReloadsACertificateAndKeepsTheOldOneWhereTheNewIsBad) {
  const fs::path keys = folder.path() / "keys";
  const auto renew = [&] {
    fs::remove_all(keys);
    fs::create_directory(keys);
    return io::TlsContext::load_or_generate(keys).value()->pin();
  };
  const auto first = renew();
  const auto ready = start(
      {"--tls-cert", (keys / "server.crt").string(), "--tls-key", (keys / "server.key").string()});
  EXPECT_EQ(word_of(ready, "pin"), io::to_text(first));
  const auto port = port_of(word_of(ready, "url"));
  EXPECT_TRUE(get(port, "/health/live", first));

  std::ofstream(keys / "server.crt") << "no certificate";
  process->signal(SIGHUP);
  EXPECT_NE(logged("event=not_reloaded what=certificate .*server.crt"), "");
  EXPECT_TRUE(get(port, "/health/live", first));

  const auto second = renew();
  process->signal(SIGHUP);
  EXPECT_NE(logged("event=pin_changed pin=" + io::to_text(second)), "");
  EXPECT_TRUE(get(port, "/health/live", second));
  const auto info = get(port, "/info", second);
  ASSERT_TRUE(info);
  EXPECT_NE(info->body.find(io::to_text(second)), std::string::npos) << info->body;
  EXPECT_FALSE(get(port, "/health/live", first));
}

TEST_F(ProgramTest, HangupReloadsTheLogLevelAndKeepsItWhereTheFileIsBad) {
  const std::string config = (folder.path() / "server.toml").string();
  std::ofstream(config) << "limits.parties = 5";
  const Argv arguments{(lab::bin_dir() / "lanrage-server").string(),
                       "--data-dir",
                       data_dir().string(),
                       "--config",
                       config,
                       "--listen",
                       "127.0.0.1:0",
                       "--relay-listen",
                       "127.0.0.1:0",
                       "--stun-listen",
                       "127.0.0.1:0",
                       "--metrics-listen",
                       "off"};
  process.emplace(arguments, lab::Process::Options{.log_prefix = folder.path() / "log"});
  ASSERT_TRUE(process->wait_for_line("ready ", kLong)) << process->err();
  std::ofstream(config) << "log_level = 7";
  process->signal(SIGHUP);
  EXPECT_NE(logged("event=not_reloaded what=settings .*server.toml:1: log_level: expected"), "");
  std::ofstream(config) << "log_level = \"debug\"";
  process->signal(SIGHUP);
  EXPECT_NE(logged("event=reloaded log_level=debug"), "");
  EXPECT_EQ(process->err().find("event=reloaded log_level=info"), std::string::npos)
      << "only what went well as a whole is called reloaded";
}

TEST_F(ProgramTest, ABackupMadeWhileServingRestoresTheSameServer) {
  const auto ready = start({"--create-policy", "word"});
  const std::string file = (folder.path() / "backup").string();
  const auto backup = run({"backup", file});
  EXPECT_EQ(backup.status, 0) << backup.err;
  EXPECT_NE(backup.out.find("private key"), std::string::npos);
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(run({"backup", file}).status, 1) << "never written over";
  for (const auto& entry : fs::directory_iterator(data_dir()))
    EXPECT_NE(entry.path().extension(), ".part") << entry.path();

  EXPECT_EQ(run({"restore", file}).status, 1) << "not into a server that is there";
  const fs::path elsewhere = folder.path() / "elsewhere";
  const auto restored = lab::run(command({"restore", file}, elsewhere));
  EXPECT_EQ(restored.status, 0) << restored.err;
  EXPECT_EQ(content(elsewhere / "server.key"), content(data_dir() / "server.key"));
  ASSERT_EQ(::stat((elsewhere / "server.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(content(elsewhere / "server.db").find("PRIVATE KEY"), std::string::npos);
  const auto incarnation = [](const std::string& line) {
    const auto info =
        get(port_of(word_of(line, "url")), "/info", io::parse_pin(word_of(line, "pin")));
    EXPECT_TRUE(info);
    std::smatch match;
    const std::string body = info ? info->body : "";
    return std::regex_search(body, match, std::regex(R"re("incarnation":"(\w+)")re"))
               ? match[1].str()
               : "";
  };
  const auto before = incarnation(ready);
  process.reset();
  const auto again = start_on(elsewhere, {"--create-policy", "word"});
  EXPECT_EQ(word_of(again, "pin"), word_of(ready, "pin"));
  EXPECT_EQ(word_of(again, "word"), word_of(ready, "word"));
  EXPECT_NE(before, "");
  const auto first = incarnation(again);
  EXPECT_NE(first, before);
  process.reset();
  const fs::path once_more = folder.path() / "once_more";
  EXPECT_EQ(lab::run(command({"restore", file}, once_more)).status, 0);
  EXPECT_NE(incarnation(start_on(once_more, {"--create-policy", "word"})), first)
      << "what happened since the first restore is unknown to the second";
}

TEST_F(ProgramTest, BacksUpAndChecksWithoutARunningServer) {
  const std::string file = (folder.path() / "backup").string();
  EXPECT_EQ(run({"backup", file}).status, 4) << "nothing there";
  fs::create_directories(data_dir());
  const auto empty = run({"backup", file});
  EXPECT_EQ(empty.status, 4) << "a backup makes no server";
  EXPECT_NE(empty.err.find("nothing to back up"), std::string::npos) << empty.err;
  EXPECT_TRUE(fs::is_empty(data_dir()));
  start();
  EXPECT_NE(run({"check"}).out.find("runs, process " + std::to_string(process->pid())),
            std::string::npos);
  EXPECT_EQ(process->stop(), 0);
  EXPECT_FALSE(fs::exists(data_dir() / "admin.sock"));
  const auto backup = run({"backup", file});
  EXPECT_EQ(backup.status, 0) << backup.err;
  EXPECT_EQ(run({"check"}).status, 0);
  EXPECT_EQ(lab::run(command({"restore", file}, folder.path() / "elsewhere")).status, 0);
}

TEST_F(ProgramTest, AServersOwnDatabaseIsNoBackup) {
  start();
  EXPECT_EQ(process->stop(), 0);
  const auto refused = lab::run(
      command({"restore", (data_dir() / "server.db").string()}, folder.path() / "elsewhere"));
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("not a backup"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(folder.path() / "elsewhere" / "server.db"));
}

TEST_F(ProgramTest, RefusesToRestoreWhatIsNoBackup) {
  const fs::path file = folder.path() / "backup";
  EXPECT_EQ(run({"restore", file.string()}).status, 1) << "absent";
  std::ofstream(file) << std::string(10'000, 'x');
  EXPECT_EQ(run({"restore", file.string()}).status, 1);
  EXPECT_FALSE(fs::exists(data_dir())) << "nothing half made";
}

TEST_F(ProgramTest, CheckFindsADamagedDatabaseAndABadCertificate) {
  start();
  process->stop();
  std::fstream(data_dir() / "server.db", std::ios::in | std::ios::out | std::ios::binary)
      .seekp(4'096)
      .write(std::string(4'096, 'x').data(), 4'096);
  std::ofstream(data_dir() / "server.crt") << "none";
  const auto check = run({"check"});
  EXPECT_EQ(check.status, 1);
  EXPECT_NE(check.err.find("database"), std::string::npos) << check.err;
  EXPECT_NE(check.err.find("server.crt"), std::string::npos) << check.err;
}

TEST_F(ProgramTest, ShowsHowBusyItsRelayIsWhetherAloneOrNot) {
  const auto ready = start({"--role", "control,relay"});
  const auto top = run({"relay", "top", "--json"});
  EXPECT_EQ(top.status, 0) << top.err;
  EXPECT_TRUE(top.out.starts_with(R"({"schema":1,"clients":0,"groups":0,)")) << top.out;

  const auto key = folder.path() / "key";
  std::ofstream(key) << run({"relays", "--enroll-key"}).out;
  const auto elsewhere = folder.path() / "relay";
  lab::Process relay(
      command({"--role", "relay", "--control", word_of(ready, "url"), "--pin",
               word_of(ready, "pin"), "--enroll", "@" + key.string(), "--relay-listen",
               "127.0.0.1:0", "--public-address", "127.0.0.1", "--metrics-listen", "off"},
              elsewhere),
      {.log_prefix = folder.path() / "relay_log"});
  ASSERT_TRUE(relay.wait_for_line("ready ", kLong)) << relay.err();
  const auto its_top = lab::run(command({"relay", "top"}, elsewhere));
  EXPECT_EQ(its_top.status, 0) << its_top.err;
  EXPECT_TRUE(its_top.out.starts_with("0 clients, 0 groups, 0 sessions\n")) << its_top.out;
  // Whatever is asked for then.
  lab::Process asking(command({"relay", "top"}, elsewhere), {});
  EXPECT_EQ(relay.stop(), 0) << relay.err();
  EXPECT_TRUE(asking.wait(kLong));
  EXPECT_EQ(lab::run(command({"relay", "top"}, elsewhere)).status, 4);
}

TEST_F(ProgramTest, AServerThatIsNoRelayHasNoBusiestGroups) {
  start({"--role", "control"});
  const auto top = run({"relay", "top"});
  EXPECT_EQ(top.status, 1);
  EXPECT_NE(top.err.find("this server is no relay"), std::string::npos) << top.err;
}

}  // namespace
}  // namespace lanrage::server
