// NICK.lan by a systemd-resolved and a system bus of the lab's own. They take files for themselves
// that the machine has one of each: this program runs with mounts of its own.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <iostream>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kText = "127.0.0.1\tlocalhost\n";

// Installed, or unpacked by ./dev: installing it would change the machine's own names.
fs::path unpacked() {
  const char* set = std::getenv("LANRAGE_LAB_RESOLVED");
  return set != nullptr ? fs::path(set) : fs::path("/");
}
fs::path resolved() {
  return unpacked() / "lib/systemd/systemd-resolved";
}

std::string contents(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

class OwnMounts : public ::testing::Environment {
 public:
  void SetUp() override {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      throw LabError("no mounts of our own");
    fs::create_directories("/run/systemd");
    if (::mount("none", "/run/systemd", "tmpfs", 0, "mode=0755") != 0)
      throw LabError("no /run/systemd of our own");
    put("/etc/resolv.conf", "nameserver 127.0.0.53\n");
    put("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
    put("/etc/hosts", kText);
    // Whom systemd-resolved runs as.
    put("/etc/passwd",
        "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
        "systemd-resolve:x:64999:64999::/:/bin/sh\n");
    put("/etc/group", "root:x:0:\nnogroup:x:65534:\nsystemd-resolve:x:64999:\n");
  }

 private:
  void put(const fs::path& path, const std::string& text) {
    const auto file = folder_.path() / path.filename();
    std::ofstream(file) << text;
    fs::permissions(folder_.path(), fs::perms(0755));
    if (::mount(file.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
      throw LabError("no " + path.string() + " of our own");
  }
  TempDir folder_;
};
[[maybe_unused]] const auto* const kMounts =
    ::testing::AddGlobalTestEnvironment(new OwnMounts);  // gtest deletes it

class ResolvedNames : public LabTest {
 protected:
  void SetUp() override {
    for (const auto& [path, package] : {std::pair(resolved(), "systemd-resolved"),
                                        std::pair(fs::path("/usr/bin/dbus-daemon"), "dbus-daemon")})
      if (!fs::exists(path))
        GTEST_SKIP() << path.string() << " is missing: Debian has it in " << package
                     << ", which ./dev test unpacks (LANRAGE_LAB_RESOLVED says where)";
    fs::permissions(folder_.path(), fs::perms(0755));
    std::ofstream(folder_.path() / "bus.conf")
        << "<busconfig><type>system</type><listen>unix:path=" << bus().string()
        << "</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>"
           "<allow own=\"*\"/><allow send_destination=\"*\"/><allow receive_sender=\"*\"/>"
           "</policy></busconfig>\n";
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + bus().string()).c_str(), 1);
    daemon_ =
        std::make_unique<Process>(Argv{"dbus-daemon", "--nofork", "--nopidfile",
                                       "--config-file=" + (folder_.path() / "bus.conf").string()},
                                  Process::Options{.log_prefix = folder_.path() / "bus"});
    ASSERT_TRUE(eventually(kSeen, [&] { return fs::exists(bus()); })) << daemon_->err();
  }
  void TearDown() override {
    if (HasFailure() && resolved_) std::cout << resolved_->err() << '\n';
    LabTest::TearDown();
  }

  void start_resolved(const Host& host) {
    resolved_ = std::make_unique<Process>(
        Argv{resolved().string()}, Process::Options{.netns_fd = host.netns().fd(),
                                                    .log_prefix = folder_.path() / "resolved",
                                                    .environment = with_libraries()});
    ASSERT_TRUE(eventually(kSeen, [&] { return resolvectl(host, {"status"}).status == 0; }))
        << resolved_->err();
  }
  static std::map<std::string, std::string> with_libraries() {
    for (const auto& entry : fs::directory_iterator(unpacked() / "usr/lib"))
      if (fs::exists(entry.path() / "systemd/libsystemd-shared-252.so"))
        return {{"LD_LIBRARY_PATH", entry.path() / "systemd"}};
    return {};
  }
  static RunResult resolvectl(const Host& host, Argv words) {
    words.insert(words.begin(), (unpacked() / "usr/bin/resolvectl").string());
    return run(words, {.netns_fd = host.netns().fd(), .environment = with_libraries()});
  }
  static std::string getent(const Host& host, const std::string& name) {
    return run({"getent", "ahostsv4", name}, {.netns_fd = host.netns().fd()}).out;
  }
  static bool finds(const Host& host, const std::string& name, const IpAddress& address) {
    return getent(host, name).starts_with(address.to_string() + " ");
  }
  fs::path bus() const { return folder_.path() / "bus"; }

  TempDir folder_;
  std::unique_ptr<Process> daemon_;
  std::unique_ptr<Process> resolved_;
};

TEST_F(ResolvedNames, AreToldAndGoWithTheDevice) {
  Server& server = add_server();
  Host& home = network_.add_player("anna", NatKind::open);
  start_resolved(home);
  const auto hosts = folder_.path() / "hosts";
  std::ofstream(hosts) << kText;
  Player& anna = add_player("anna", home, {"--names", "auto", "--hosts-file", hosts.string()});
  Player& ben = add_player("ben", NatKind::open);
  const Membership hosted = anna.create(server, "LAN night");
  const Membership joined = ben.join(hosted.invite);
  EXPECT_TRUE(eventually(kSeen, [&] { return finds(home, "ben.lan", joined.vip); }))
      << resolvectl(home, {"status"}).out;
  EXPECT_TRUE(finds(home, "anna.lan", hosted.vip));
  EXPECT_TRUE(finds(home, "ben.lan-night.lan", joined.vip));
  EXPECT_THAT(resolvectl(home, {"query", "ben.lan"}).out,
              AllOf(HasSubstr(joined.vip.to_string()), HasSubstr("acquired via protocol DNS")));
  // No other name of that zone, which the home's router may have names in, is asked of us.
  const auto domains = resolvectl(home, {"domain"}).out;
  EXPECT_THAT(domains,
              AllOf(HasSubstr("): ~anna.lan ~ben.lan ~lan-night.lan\n"), Not(HasSubstr("~lan "))));
  const auto end = domains.find("): ~anna.lan");
  const auto begin = domains.rfind('(', end) + 1;
  const auto device = domains.substr(begin, end - begin);
  EXPECT_THAT(resolvectl(home, {"default-route", device}).out, HasSubstr("(" + device + "): no"));

  done(ben, {"nick", "Benjamin"});
  EXPECT_TRUE(eventually(kSeen, [&] { return finds(home, "benjamin.lan", joined.vip); }));
  EXPECT_EQ(getent(home, "ben.lan"), "");
  EXPECT_EQ(contents(hosts), kText);

  anna.kill_agent();
  EXPECT_TRUE(eventually(kSeen, [&] { return getent(home, "benjamin.lan").empty(); }));
  anna.start_agent();
  EXPECT_TRUE(eventually(kSeen, [&] { return finds(home, "benjamin.lan", joined.vip); }));
  done(anna, {"leave"});
  EXPECT_EQ(getent(home, "benjamin.lan"), "");
}

// Its device 3 is not our device 3.
TEST_F(ResolvedNames, OneInAnotherNetworkNamespaceIsLeftAlone) {
  Server& server = add_server();
  Host& other = network_.add_public_host("other");
  // So that it has devices by whatever number ours gets.
  for (int i = 0; i < 10; ++i)
    other.netns().ip("link add d" + std::to_string(i) + " type bridge\n");
  start_resolved(other);
  const auto hosts = folder_.path() / "hosts";
  std::ofstream(hosts) << kText;
  const auto before = resolvectl(other, {"status"}).out;
  Player& anna = add_player("anna", network_.add_player("anna", NatKind::open),
                            {"--names", "auto", "--hosts-file", hosts.string()});
  anna.create(server, "LAN night");
  EXPECT_TRUE(eventually(kSeen, [&] { return contents(hosts).contains("\tanna.lan\t"); }));
  EXPECT_EQ(resolvectl(other, {"status"}).out, before);
}

TEST_F(ResolvedNames, WhereTheBusIsDeadTheHostsFileHasThem) {
  Server& server = add_server();
  Host& home = network_.add_player("anna", NatKind::open);
  start_resolved(home);
  const auto hosts = folder_.path() / "hosts";
  std::ofstream(hosts) << kText;
  Player& anna = add_player("anna", home, {"--names", "auto", "--hosts-file", hosts.string()});
  daemon_.reset();
  anna.create(server, "LAN night");
  EXPECT_TRUE(eventually(kSeen, [&] { return contents(hosts).contains("\tanna.lan\t"); }))
      << anna.log();
  EXPECT_THAT(anna.log(), HasSubstr("level=warning event=names_not_by_resolved"));
}

}  // namespace
}  // namespace lanrage::lab
