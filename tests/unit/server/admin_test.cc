// The admin socket between a server and its operator, with a target that remembers what it was
// asked.
#include "server/admin.hpp"

#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>
#include <thread>

#include "io/unix_socket.hpp"
#include "server/admin_client.hpp"
#include "server/admin_commands.hpp"
#include "server/deployment.hpp"
#include "store/store.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::server {
namespace {

AdminParty party(std::uint8_t n, std::string name, std::size_t members) {
  AdminParty out{{{n}}, std::move(name), {{1}}, n, 2, UnixTime(std::chrono::hours(24 * 365)), {}};
  for (std::size_t i = 0; i < members; ++i) {
    AdminParty::Peer peer;
    peer.id = {{static_cast<std::uint8_t>(i + 1), static_cast<std::uint8_t>(i >> 8)}};
    peer.nick = "peer" + std::to_string(i + 1);
    peer.vip = IpAddress::v4(0x0a420001 + static_cast<std::uint32_t>(i));
    peer.online = i == 0;
    out.peers.push_back(std::move(peer));
  }
  return out;
}

class Target final : public AdminTarget {
 public:
  std::vector<AdminParty> parties() const override { return all; }
  std::vector<AdminRelay> relays() const override { return known_relays; }
  SecretText enrolment_key() const override { return SecretText("key"); }
  void kick(const PartyId& id, const PeerId& peer, Done done) override {
    kicked.emplace_back(id, peer);
    done(refusal ? Result<void>(std::unexpected(*refusal)) : Result<void>());
  }
  void backup(const std::string& path, Done done) override {
    backups.push_back(path);
    done(fail(store::Errc::storage_failed, "the disk is full"));
  }

  std::vector<AdminParty> all;
  std::vector<AdminRelay> known_relays;
  std::optional<Error> refusal;
  std::vector<std::pair<PartyId, PeerId>> kicked;
  std::vector<std::string> backups;
};

class AdminTest : public ::testing::Test {
 protected:
  void serve() { serve({.control = &target}); }
  void serve(const AdminTargets& targets) {
    auto started = AdminServer::start(loop_, data_dir(), targets);
    ASSERT_TRUE(started) << started.error().message();
    server_ = std::move(*started);
    thread_ = std::thread([this] { loop_.run(); });
  }
  // The target is ours again then.
  void stop() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
    server_.reset();
  }
  ~AdminTest() override { stop(); }

  std::filesystem::path data_dir() const { return folder_.path(); }

  // Exit status and what was printed.
  struct Ran {
    int status = 0;
    std::string out;
    std::string err;
  };
  Ran run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--data-dir", data_dir().string()});
    const auto invocation = parse_options(arguments, "1");
    EXPECT_TRUE(invocation) << invocation.error().text;
    std::ostringstream out;
    std::ostringstream err;
    const int status = run_subcommand(*invocation, out, err);
    return {status, out.str(), err.str()};
  }

  Target target;

 private:
  lab::TempDir folder_;
  boost::asio::io_context loop_;
  std::unique_ptr<AdminServer> server_;
  std::thread thread_;
};

TEST_F(AdminTest, TheSocketIsTheServersUsersAlone) {
  serve();
  struct stat status{};
  ASSERT_EQ(::stat((data_dir() / "admin.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(AdminTest, WithoutAServerStatusIs4AndSaysWhatToDo) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"parties"}, {"relays", "--json"}, {"kick", "a", "b"}}) {
    const auto ran = run(arguments);
    EXPECT_EQ(ran.status, 4);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("no server runs on " + data_dir().string()), std::string::npos);
    EXPECT_NE(ran.err.find("--data-dir"), std::string::npos);
  }
}

TEST_F(AdminTest, ListsParties) {
  target.all = {party(7, "LAN \x1b[2Jnight", 2)};
  target.all[0].peers[1].barred = true;
  serve();
  const auto table = run({"parties"});
  EXPECT_EQ(table.status, 0);
  EXPECT_EQ(table.out, "LAN ?[2Jnight  " + target.all[0].id.to_string() +
                           "  since 1971-01-01T00:00:00Z, 1 of 2 online\n  " +
                           PeerId{{1}}.to_string() + "  10.66.0.1  online, host  -  peer1\n  " +
                           PeerId{{2}}.to_string() + "  10.66.0.2  barred        -  peer2\n");
  const auto json = run({"parties", "--json"});
  EXPECT_TRUE(json.out.starts_with(R"({"schema":1,"parties":[{"id":")")) << json.out;
  EXPECT_NE(json.out.find(R"("created_at":"1971-01-01T00:00:00Z")"), std::string::npos);
  EXPECT_NE(json.out.find(R"("barred":true,"last_seen":null)"), std::string::npos);
}

TEST_F(AdminTest, AListingLargerThanAnAnswerComesInPages) {
  for (std::uint8_t n = 1; n <= 30; ++n)
    target.all.push_back(party(n, "party" + std::to_string(n), 1'000));
  serve();
  const auto all = AdminClient(data_dir()).parties();
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_EQ(all->size(), 30u);
  for (const auto& each : *all)
    EXPECT_EQ(each.peers.size(), 1'000u) << each.name;
}

TEST_F(AdminTest, ListsRelays) {
  target.known_relays = {
      {"r1", "eu", {*Endpoint::parse("203.0.113.1:51820")}, 0.25, true, UnixTime{}}};
  serve();
  EXPECT_EQ(run({"relays"}).out,
            "RELAY  REGION  LOAD  LAST SEEN  ENDPOINTS\n"
            "r1     eu      25 %  here       203.0.113.1:51820\n");
  EXPECT_EQ(run({"relays", "--json"}).out,
            R"({"schema":1,"relays":[{"id":"r1","region":"eu","endpoints":["203.0.113.1:51820"],)"
            R"("load":2.5E-1,"built_in":true,"last_seen":null}]})"
            "\n");
}

TEST_F(AdminTest, KicksByIdOrName) {
  target.all = {party(7, "LAN night", 3)};
  serve();
  const auto by_name = run({"kick", "LAN night", "peer2"});
  EXPECT_EQ(by_name.status, 0) << by_name.err;
  EXPECT_NE(by_name.out.find("peer2"), std::string::npos);
  EXPECT_EQ(run({"kick", PartyId{{7}}.to_string(), PeerId{{3}}.to_string()}).status, 0);
  stop();
  const std::vector<std::pair<PartyId, PeerId>> expected{{{{7}}, {{2}}}, {{{7}}, {{3}}}};
  EXPECT_EQ(target.kicked, expected);
}

TEST_F(AdminTest, KicksNobodyByAnAmbiguousOrUnknownName) {
  target.all = {party(7, "LAN night", 2), party(8, "LAN night", 2)};
  target.all[1].peers[1].nick = "peer1";
  serve();
  const auto refused = [&](const std::string& from, const std::string& whom) {
    const auto ran = run({"kick", from, whom});
    EXPECT_EQ(ran.status, 1);
    EXPECT_EQ(ran.out, "");
    return ran.err;
  };
  EXPECT_NE(refused("LAN night", "peer1").find("more than one party"), std::string::npos);
  EXPECT_NE(refused(PartyId{{8}}.to_string(), "peer1").find("more than one member"),
            std::string::npos);
  EXPECT_NE(refused("chess", "peer1").find("no party \"chess\""), std::string::npos);
  EXPECT_NE(refused(PartyId{{7}}.to_string(), "bob").find("no member \"bob\""), std::string::npos);
  stop();
  EXPECT_TRUE(target.kicked.empty());
}

TEST_F(AdminTest, ARefusalOfTheServerIsToldAsItIs) {
  target.all = {party(7, "LAN night", 1)};
  target.refusal = Error(store::Errc::storage_failed, "the disk is full");
  serve();
  const auto kick = run({"kick", "LAN night", "peer1"});
  EXPECT_EQ(kick.status, 1);
  EXPECT_EQ(kick.err, "lanrage-server: the disk is full\n");
  const auto backup = run({"backup", (data_dir() / "b").string()});
  EXPECT_EQ(backup.status, 1);
  EXPECT_EQ(backup.err, "lanrage-server: the disk is full\n");
  stop();
  ASSERT_EQ(target.backups.size(), 1u);
  EXPECT_EQ(std::filesystem::path(target.backups[0]).parent_path(), data_dir());
}

TEST_F(AdminTest, WhatIsntARequestIsRefused) {
  serve();
  for (const char* bad : {"", "{", "[]", "3", "{}", R"({"command":3})", R"({"command":"dance"})"}) {
    const auto answer = io::local_request(data_dir() / "admin.sock", bad, std::chrono::seconds(20));
    ASSERT_TRUE(answer) << bad;
    EXPECT_NE(answer->find("malformed_request"), std::string::npos) << *answer;
  }
}

TEST_F(AdminTest, CheckSaysWhetherAServerRuns) {
  const auto alone = run({"check", "--insecure-http"});
  EXPECT_EQ(alone.status, 0) << alone.err;
  EXPECT_NE(alone.out.find("none yet"), std::string::npos);
  EXPECT_NE(alone.out.find("not running"), std::string::npos);
  serve();
  EXPECT_NE(run({"check"}).out.find("runs, process " + std::to_string(::getpid())),
            std::string::npos);
}

TEST_F(AdminTest, CheckFindsWhatWouldKeepTheServerFromStarting) {
  const auto log = run({"check", "--insecure-http", "--audit-log", "/nowhere/audit.log"});
  EXPECT_EQ(log.status, 1);
  EXPECT_NE(log.err.find("/nowhere/audit.log"), std::string::npos) << log.err;
  const auto key = run({"check", "--insecure-http", "--enroll", "@/nowhere/key"});
  EXPECT_EQ(key.status, 1);
  EXPECT_NE(key.err.find("/nowhere/key"), std::string::npos) << key.err;
}

TEST_F(AdminTest, ADataDirectoryMayBeNamedFromTheWorkingDirectory) {
  namespace fs = std::filesystem;
  const auto before = fs::current_path();
  fs::current_path(data_dir());
  const auto here = make_data_directory("here");
  const auto deeper = make_data_directory("a/b");
  fs::current_path(before);
  EXPECT_TRUE(here) << here.error().message();
  EXPECT_TRUE(deeper) << deeper.error().message();
  EXPECT_TRUE(fs::is_directory(data_dir() / "here"));
  EXPECT_TRUE(fs::is_directory(data_dir() / "a/b"));
}

TEST_F(AdminTest, ShowsTheEnrolmentKeyOnlyWhenAskedForIt) {
  EXPECT_EQ(run({"relays", "--enroll-key"}).status, 4) << "no server runs";
  serve();
  EXPECT_EQ(run({"relays", "--enroll-key"}).out, "key\n");
  EXPECT_EQ(run({"relays", "--enroll-key", "--json"}).out,
            "{\"schema\":1,\"enroll_key\":\"key\"}\n");
  EXPECT_EQ(run({"relays"}).out.find("key"), std::string::npos);
}

TEST_F(AdminTest, CheckOfARelayAloneWantsItsKey) {
  const auto check = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all{"check", "--role", "relay", "--control",
                                 "https://control.example"};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  const auto good = check({"--enroll", "an-enrolment-key-of-theirs"});
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_NE(good.out.find("with https://control.example\n"), std::string::npos) << good.out;
  EXPECT_EQ(good.out.find("database"), std::string::npos) << good.out;
  EXPECT_EQ(check({}).status, 1);
  const auto unreadable = check({"--enroll", "@/nowhere/key"});
  EXPECT_EQ(unreadable.status, 1);
  EXPECT_NE(unreadable.err.find("can't read /nowhere/key"), std::string::npos) << unreadable.err;
}

}  // namespace
}  // namespace lanrage::server
