// Names, ports, leftovers and ends: what a tunnel does when things aren't as it would like them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <signal.h>
#include <string>
#include <sys/wait.h>

#include "agent/tunnel_link.hpp"
#include "agent/tunnel_process.hpp"
#include "support/temp_dir.hpp"
#include "tunnel_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using testing::HasSubstr;

/// Whether no thread of a process runs any more after a SIGSTOP, which reaches them one by one
/// (proc_pid_stat(5), the field after the name).
bool is_stopped(pid_t pid) {
  const auto tasks = std::filesystem::path("/proc") / std::to_string(pid) / "task";
  return std::ranges::all_of(std::filesystem::directory_iterator(tasks), [](const auto& task) {
    std::ifstream file(task.path() / "stat");
    const std::string stat(std::istreambuf_iterator<char>(file), {});
    const auto name_end = stat.rfind(") ");
    return name_end != std::string::npos && stat[name_end + 2] == 'T';
  });
}

class TunnelRecoveryTest : public TunnelTest {};

TEST_P(TunnelRecoveryTest, LeavesNothingBehind) {
  const auto name = lab::unique_interface_name();
  auto tunnel = open_a(name);
  EXPECT_TRUE(has_interface(a_, name));
  const auto pid = userspace_pid(name);
  EXPECT_EQ(pid != 0, GetParam() == Backend::userspace);
  tunnel.reset();
  EXPECT_FALSE(has_interface(a_, name));
  EXPECT_FALSE(has_socket(name));
  EXPECT_EQ(userspace_pid(name), 0);
  EXPECT_NE(open_a(name), nullptr) << "the name is free again";
}

TEST_P(TunnelRecoveryTest, LeavesNothingBehindWhenOpeningFails) {
  lab::UdpSocket other(a_, endpoint("0.0.0.0:50123"));
  const auto name = lab::unique_interface_name();
  auto wanted = options(1, name);
  wanted.listen_port = 50123;
  const auto tunnel = open(a_, wanted);
  ASSERT_FALSE(tunnel);
  EXPECT_TRUE(tunnel.error().is(TunnelErrc::port_taken)) << tunnel.error().message();
  EXPECT_THAT(tunnel.error().message(), HasSubstr("50123"));
  EXPECT_FALSE(has_interface(a_, name));
  EXPECT_FALSE(has_socket(name));
}

TEST_P(TunnelRecoveryTest, TakesThePortThatItIsGiven) {
  auto wanted = options(1);
  wanted.listen_port = 50124;
  const auto tunnel = open(a_, wanted);
  ASSERT_TRUE(tunnel) << tunnel.error().message();
  EXPECT_EQ((*tunnel)->listen_port(), 50124);
  EXPECT_EQ((*tunnel)->status()->listen_port, 50124);
  EXPECT_THROW(lab::UdpSocket(a_, endpoint("0.0.0.0:50124")), lab::LabError) << "it is bound";
}

TEST_P(TunnelRecoveryTest, NeverTouchesAnInterfaceThatIsNotOurs) {
  const auto name = lab::unique_interface_name();
  a_.ip("link add " + name + " type veth peer name other\n");
  const auto tunnel = open(a_, options(1, name));
  ASSERT_FALSE(tunnel);
  EXPECT_TRUE(tunnel.error().is(TunnelErrc::interface_taken)) << tunnel.error().message();
  EXPECT_TRUE(has_interface(a_, name));
}

TEST_P(TunnelRecoveryTest, NeverTakesARunningAgentsInterface) {
  const auto name = lab::unique_interface_name();
  auto first = open_a(name);
  const auto second = open(a_, options(1, name));
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(TunnelErrc::interface_taken));
  EXPECT_THAT(second.error().message(), HasSubstr(std::to_string(::getpid())));
  EXPECT_TRUE(first->status());
}

TEST_P(TunnelRecoveryTest, TakesAnotherNameWhereItsOwnWasOnlyAWish) {
  const auto name = lab::unique_interface_name();
  auto first = open_a(name);
  auto wanted = options(1, name);
  wanted.or_numbered = true;
  const auto second = open(a_, wanted);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_NE((*second)->interface_name(), name);
  EXPECT_TRUE(has_interface(a_, (*second)->interface_name()));
  EXPECT_TRUE(first->status());
}

TEST_P(TunnelRecoveryTest, RemovesWhatAKilledAgentLeft) {
  const auto name = lab::unique_interface_name();
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t agent = ::fork();
  if (agent == 0) {
    const auto tunnel = open(a_, options(1, name));
    const char mark = tunnel ? 'y' : 'n';
    (void)!::write(ready[1], &mark, 1);
    ::pause();
    ::_exit(0);
  }
  char mark = 0;
  ASSERT_EQ(::read(ready[0], &mark, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_EQ(mark, 'y');
  ::kill(agent, SIGKILL);
  ::waitpid(agent, nullptr, 0);
  // At once, while its wireguard-go may still be ending.
  const auto tunnel = open(a_, options(1, name));
  ASSERT_TRUE(tunnel) << tunnel.error().message();
  EXPECT_TRUE((*tunnel)->status());
}

TEST_P(TunnelRecoveryTest, GivesUnnamedOnesNumbers) {
  auto first = open(a_, options(1, ""));
  ASSERT_TRUE(first) << first.error().message();
  auto second = open(a_, options(2, ""));
  ASSERT_TRUE(second) << second.error().message();
  auto elsewhere = open(b_, options(2, ""));
  ASSERT_TRUE(elsewhere) << elsewhere.error().message();
  EXPECT_THAT((*first)->interface_name(), testing::StartsWith("lanrage"));
  EXPECT_NE((*first)->interface_name(), (*second)->interface_name());
  EXPECT_TRUE((*first)->status());
  EXPECT_TRUE((*elsewhere)->status());
}

TEST_P(TunnelRecoveryTest, SaysThatItsDeviceIsGone) {
  const auto name = lab::unique_interface_name();
  auto tunnel = open_a(name);
  a_.ip("link del " + name + "\n");
  const auto gone = [&] {
    const auto status = tunnel->status();
    return !status && status.error().is(TunnelErrc::device_gone);
  };
  EXPECT_TRUE(lab::eventually(kSoon, gone));
  EXPECT_FALSE(tunnel->set_endpoint(key_b_.public_key(), endpoint("203.0.113.2:1")));
  tunnel.reset();
  EXPECT_FALSE(has_socket(name));
}

TEST_P(TunnelRecoveryTest, NamesThePermissionThatIsMissing) {
  const pid_t child = a_.inside([&] {
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (::setresuid(65534, 65534, 65534) != 0) ::_exit(9);
      const auto tunnel = open_tunnel(options(1));
      if (!tunnel) std::fprintf(stderr, "%s\n", tunnel.error().message().c_str());
      ::_exit(!tunnel && tunnel.error().is(TunnelErrc::no_permission) ? 0 : 1);
    }
    return pid;
  });
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, TunnelRecoveryTest,
                         testing::Values(Backend::userspace, Backend::kernel), [](const auto& p) {
                           return p.param == Backend::kernel ? "Kernel" : "Userspace";
                         });

class UserspaceTest : public TunnelTest {};

TEST_P(UserspaceTest, SaysHowWireguardGoEnded) {
  const auto name = lab::unique_interface_name();
  auto tunnel = open_a(name);
  const auto pid = userspace_pid(name);
  ASSERT_NE(pid, 0);
  ::kill(pid, SIGKILL);
  const auto error = lab::eventually(kSoon, [&]() -> std::optional<Error> {
    const auto status = tunnel->status();
    if (status) return std::nullopt;
    return status.error();
  });
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(TunnelErrc::device_gone)) << error->message();
  EXPECT_THAT(error->message(), HasSubstr("signal 9"));
  EXPECT_THAT(error->message(), HasSubstr(std::to_string(pid)));
  tunnel.reset();
  EXPECT_FALSE(has_interface(a_, name));
  EXPECT_FALSE(has_socket(name));
  EXPECT_NE(open_a(name), nullptr);
}

TEST_P(UserspaceTest, RemovesAnOrphanedWireguardGo) {
  const auto name = lab::unique_interface_name();
  lab::TempDir directory;
  lab::Process orphan({"wireguard-go", "--foreground", name},
                      {.netns_fd = a_.fd(), .log_prefix = directory.path() / "orphan"});
  ASSERT_TRUE(lab::eventually(kSoon, [&] { return control_socket_answers(name); }));
  const auto unmarked = open(a_, options(1, name));
  ASSERT_FALSE(unmarked) << "somebody else's";
  EXPECT_TRUE(orphan.running());
  // As a dead agent marked it: no process can have that start time.
  lab::must_run({"ip", "link", "set", name, "alias", "lanrage agent 1 999999999999"},
                {.netns_fd = a_.fd()});
  const auto tunnel = open(a_, options(1, name));
  ASSERT_TRUE(tunnel) << tunnel.error().message();
  EXPECT_TRUE(orphan.wait(kSoon)) << "it ended with its interface";
}

TEST_P(UserspaceTest, RefusesANameThatServesAnotherNamespace) {
  const auto name = lab::unique_interface_name();
  auto there = open_b(name);
  const auto here = open(a_, options(1, name));
  ASSERT_FALSE(here);
  EXPECT_TRUE(here.error().is(TunnelErrc::interface_taken)) << here.error().message();
  EXPECT_THAT(here.error().message(), HasSubstr("namespace"));
  EXPECT_TRUE(there->status());
}

TEST_P(UserspaceTest, AnswersWithinSecondsWhenWireguardGoIsStopped) {
  const auto name = lab::unique_interface_name();
  auto tunnel = open_a(name);
  const auto pid = userspace_pid(name);
  ::kill(pid, SIGSTOP);
  ASSERT_TRUE(lab::eventually(kSoon, [&] { return is_stopped(pid); }));
  const auto status = tunnel->status();
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(TunnelErrc::device_failed)) << status.error().message();
  ::kill(pid, SIGCONT);
  EXPECT_TRUE(tunnel->status()) << "stopped isn't gone";
}

TEST_P(UserspaceTest, SaysWhatIsMissingWithoutWireguardGo) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  const auto tunnel = open(a_, options(1));
  ::setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(tunnel);
  EXPECT_TRUE(tunnel.error().is(TunnelErrc::no_userspace_wireguard));
  EXPECT_THAT(tunnel.error().message(), HasSubstr("apt install wireguard-go"));
}

INSTANTIATE_TEST_SUITE_P(Backends, UserspaceTest, testing::Values(Backend::userspace),
                         [](const auto&) { return "Userspace"; });

class AutomaticTest : public TunnelTest {};

TEST_P(AutomaticTest, PrefersTheKernelAndSaysWhyNot) {
  auto tunnel = open(a_, options(1));
  ASSERT_TRUE(tunnel) << tunnel.error().message();
  EXPECT_EQ((*tunnel)->fallback_reason().empty(), (*tunnel)->is_kernel());
  if (!(*tunnel)->is_kernel()) {
    EXPECT_THAT((*tunnel)->fallback_reason(), HasSubstr("no WireGuard"));
    auto kernel = options(1);
    kernel.backend = Backend::kernel;
    const auto refused = open(a_, kernel);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(TunnelErrc::no_kernel_wireguard)) << refused.error().message();
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, AutomaticTest, testing::Values(Backend::automatic),
                         [](const auto&) { return "Automatic"; });

TEST(InterfaceName, IsCheckedBeforeAnythingIsDone) {
  for (const char* good : {"lanrage0", "a", "wg-party.1_x", "abcdefghijklmno"})
    EXPECT_TRUE(check_interface_name(good)) << good;
  for (const char* bad :
       {"", "abcdefghijklmnop", "0a", ".", "..", "a b", "a/b", "a;b", "é", "-a"}) {
    const auto result = check_interface_name(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_TRUE(result.error().is(TunnelErrc::bad_interface_name));
    EXPECT_EQ(result.error().field(), "interface");
  }
}

}  // namespace
}  // namespace lanrage::agent::test
