// What another user of the machine gets, and what is left of root's powers in programs that run.
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab_fixture.hpp"
#include "support/in_child.hpp"

namespace lanrage::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uid_t kNobody = 65534;

// One of /proc/PID/status.
std::string status_of(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

std::vector<pid_t> children_of(pid_t pid) {
  const auto process = std::to_string(pid);
  std::ifstream file("/proc/" + process + "/task/" + process + "/children");
  std::vector<pid_t> out;
  for (pid_t child = 0; file >> child;)
    out.push_back(child);
  return out;
}

// The capabilities by numbers, in hex as /proc shows them.
constexpr auto kNetBindAdminAndRaw = "0000000000003400";
constexpr auto kNetBindAndAdmin = "0000000000001400";
constexpr auto kNone = "0000000000000000";

void expect_shut_in(pid_t pid, const std::string& capabilities) {
  for (const auto* set : {"CapPrm", "CapEff", "CapBnd"})
    EXPECT_EQ(status_of(pid, set), capabilities) << set;
  for (const auto* set : {"CapInh", "CapAmb"})
    EXPECT_EQ(status_of(pid, set), kNone) << set;
  EXPECT_EQ(status_of(pid, "NoNewPrivs"), "1");
  EXPECT_EQ(status_of(pid, "Seccomp"), "2") << "filtered";
  std::string limits;
  std::ifstream file("/proc/" + std::to_string(pid) + "/limits");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("Max core file size")) limits = line;
  EXPECT_THAT(limits, HasSubstr(" 0                    0 "));
}

// What a process of nobody can do: 'c' for each socket that it may connect to, 'r' and 'w' for each
// file below the folder that it may read or write, 'l' for each folder that it may list.
std::string reach_of_nobody(const fs::path& folder, const std::vector<fs::path>& paths) {
  return in_child([&] {
    if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)
      return std::string("nobody couldn't be played");
    std::string out = ::access(folder.c_str(), X_OK) == 0 ? "" : "no way to them";
    for (const auto& path : paths) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
      const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
      if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
        out += "c " + path.string() + "; ";
      if (::open(path.c_str(), O_RDONLY | O_NONBLOCK) >= 0) out += "r " + path.string() + "; ";
      if (::open(path.c_str(), O_WRONLY | O_NONBLOCK) >= 0) out += "w " + path.string() + "; ";
    }
    return out;
  });
}

std::vector<fs::path> all_below(const fs::path& folder) {
  std::vector<fs::path> out{folder};
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    out.push_back(entry.path());
  return out;
}

class Hardening : public LabTest {};

TEST_F(Hardening, AgentAndServerKeepWhatTheyNeedAlone) {
  Server& server = add_server();
  Player& anna = add_player("anna", NatKind::open);
  Player& ben = add_player("ben", NatKind::open);
  const Membership hosted = anna.create(server, "LAN night");
  ben.join(hosted.invite);
  ASSERT_TRUE(pings(ben, hosted.vip));

  expect_shut_in(server.pid(), kNetBindAndAdmin);
  expect_shut_in(anna.agent_pid(), kNetBindAdminAndRaw);
  for (const pid_t wireguard : children_of(anna.agent_pid()))
    expect_shut_in(wireguard, kNetBindAdminAndRaw);
  EXPECT_THAT(anna.log(),
              HasSubstr("event=sandbox capabilities=net_bind_service,net_admin,net_raw files="));
  EXPECT_THAT(server.log(), HasSubstr("event=sandbox capabilities=net_bind_service,net_admin"));
}

TEST_F(Hardening, SandboxOffKeepsAllAndSaysSo) {
  const Host& place = network_.add_public_host("server");
  Server& server = add_server(place, place.address(), {"--sandbox", "off"});
  Player& anna =
      add_player("anna", network_.add_player("anna", NatKind::open), {"--sandbox", "off"});
  for (const pid_t pid : {server.pid(), anna.agent_pid()}) {
    EXPECT_EQ(status_of(pid, "Seccomp"), "0");
    EXPECT_EQ(status_of(pid, "CapEff"), status_of(::getpid(), "CapEff"));
  }
  for (const auto& log : {server.log(), anna.log()})
    EXPECT_THAT(log, HasSubstr("level=warning event=sandbox_off"));
}

TEST_F(Hardening, AnotherUserGetsNothing) {
  Server& server = add_server();
  Player& anna = add_player("anna", NatKind::open);
  anna.create(server, "LAN night");
  Player& ben = add_player("ben", NatKind::open);
  ASSERT_EQ(ben.cli({"create", "at home", "--local"}).status, 0);  // its server's files as well

  for (const auto& folder : {anna.state_dir(), ben.state_dir(), server.data_dir()}) {
    // The lab's own folder mustn't be what keeps him out.
    fs::permissions(folder.parent_path(), fs::perms(0755));
    for (const bool opened : {false, true}) {
      auto paths = all_below(folder);
      if (folder != server.data_dir()) paths.push_back(folder.parent_path() / "agent.sock");
      // Even into a folder that somebody opened by mistake.
      if (opened) fs::permissions(folder, fs::perms(0711));
      EXPECT_EQ(reach_of_nobody(folder.parent_path(), paths), "") << folder;
    }
  }
  // Somebody opened the socket by mistake: what he sends isn't answered.
  fs::permissions(anna.socket(), fs::perms(0666));
  EXPECT_THAT(reach_of_nobody(anna.state_dir().parent_path(), {anna.socket()}), HasSubstr("c "));
  EXPECT_TRUE(eventually(
      kSeen, [&] { return anna.log().find("event=stranger uid=65534") != std::string::npos; }));
}

TEST_F(Hardening, AKeyFileThatOthersCouldReadIsClosedToThemAtStart) {
  Server& server = add_server();
  Player& anna = add_player("anna", NatKind::open);
  const Membership hosted = anna.create(server, "LAN night");
  ASSERT_EQ(anna.stop_agent(), 0);
  fs::permissions(anna.state_dir(), fs::perms(0755));
  fs::permissions(anna.state_dir() / "identity.json", fs::perms(0644));
  anna.start_agent();
  EXPECT_EQ(fs::status(anna.state_dir() / "identity.json").permissions(), fs::perms(0600));
  EXPECT_THAT(anna.log(), HasSubstr("level=warning event=state_was_open"));

  ASSERT_EQ(server.stop(), 0);
  fs::permissions(server.data_dir(), fs::perms(0755));
  fs::permissions(server.data_dir() / "server.key", fs::perms(0644));
  server.start();
  EXPECT_EQ(fs::status(server.data_dir() / "server.key").permissions(), fs::perms(0600));
  EXPECT_THAT(server.log(), HasSubstr("level=warning event=data_was_open"));
}

TEST_F(Hardening, ACrashLeavesNoImage) {
  Player& anna = add_player("anna", NatKind::open);
  // The limit alone would let a handler of core_pattern have one.
  std::string filter;
  std::ifstream("/proc/" + std::to_string(anna.agent_pid()) + "/coredump_filter") >> filter;
  EXPECT_EQ(filter, "00000000");
  // Not dumpable: what it has under /proc is root's, whoever it runs as.
  struct stat status{};
  ASSERT_EQ(::stat(("/proc/" + std::to_string(anna.agent_pid()) + "/mem").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0u);
}

}  // namespace
}  // namespace lanrage::lab
