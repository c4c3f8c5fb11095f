#include "support/namespace.hpp"

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "support/process.hpp"

namespace lanrage::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNetnsDir = "/run/netns";
constexpr const char* kWireguardDir = "/var/run/wireguard";

// The pid in a name of ours ("lr123-..."; sockets "lr123w4.sock"), or nothing.
std::optional<pid_t> creator_of(std::string_view name, char separator) {
  if (!name.starts_with("lr")) return std::nullopt;
  name.remove_prefix(2);
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc{} || end == name.data() + name.size() || *end != separator)
    return std::nullopt;
  return pid;
}

std::vector<std::string> names_in(const char* directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    names.push_back(entry.path().filename().string());
  return names;
}

// Programs inside would keep the namespace, and WireGuard's TUN devices with it, alive for ever.
void kill_inhabitants(const fs::path& netns) {
  struct stat wanted{};
  if (::stat(netns.c_str(), &wanted) != 0) return;
  for (const std::string& name : names_in("/proc")) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) continue;
    struct stat theirs{};
    if (::stat(("/proc/" + name + "/ns/net").c_str(), &theirs) == 0 &&
        theirs.st_ino == wanted.st_ino && theirs.st_dev == wanted.st_dev)
      ::kill(pid, SIGKILL);
  }
}

void remove_namespace(const std::string& name) {
  const fs::path path = fs::path(kNetnsDir) / name;
  kill_inhabitants(path);
  ::umount2(path.c_str(), MNT_DETACH);
  ::unlink(path.c_str());
}

template <class Unwanted>
void remove_where(Unwanted&& unwanted) {
  for (const std::string& name : names_in(kNetnsDir))
    if (const auto pid = creator_of(name, '-'); pid && unwanted(*pid)) remove_namespace(name);
  for (const std::string& name : names_in(kWireguardDir))
    if (const auto pid = creator_of(name, 'w'); pid && unwanted(*pid))
      ::unlink((fs::path(kWireguardDir) / name).c_str());
  std::error_code ignored;
  for (const std::string& name : names_in("/tmp"))  // TempDir
    if (const auto pid = creator_of(name, '-'); pid && unwanted(*pid))
      fs::remove_all(fs::path("/tmp") / name, ignored);
}

// A child that waits for the end of this process, by whatever cause, and removes what it left.
// It holds none of our descriptors but a pipe, so nobody waits for it.
void start_janitor() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw LabError("can't make a pipe for the janitor");
  const pid_t owner = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw LabError("can't fork the janitor");
  if (child > 0) {
    ::close(ends[0]);  // the write end stays open until we end; children lose it by O_CLOEXEC
    return;
  }
  ::setsid();
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  ::dup2(ends[0], 0);
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0) ::_exit(1);
  ::dup2(null, 1);
  ::dup2(null, 2);
  ::close_range(3, ~0u, 0);
  char byte;
  while (::read(0, &byte, 1) < 0) {
  }
  remove_where([owner](pid_t pid) { return pid == owner; });
  ::_exit(0);
}

void prepare_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    require_lab();
    sweep_stale_namespaces();
    start_janitor();
  });
}

}  // namespace

void require_lab() {
  if (::geteuid() != 0)
    throw LabError(
        "the lab needs root to make network namespaces: run it as root (sudo), or set "
        "LANRAGE_LAB=skip to leave these tests out");
  for (const char* tool : {"ip", "nft"})
    if (!have_program(tool))
      throw LabError(std::string("the lab needs '") + tool +
                     "': install the Debian packages iproute2 and nftables");
}

NetNamespace::Visit::Visit(int fd)
    : home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  if (home_ < 0 || ::setns(fd, CLONE_NEWNET) != 0)
    throw LabError("can't enter a network namespace");
}

NetNamespace::Visit::~Visit() {
  if (::setns(home_, CLONE_NEWNET) != 0) std::abort();  // in the wrong network: nothing is safe
  ::close(home_);
}

NetNamespace::NetNamespace(const std::string& role) {
  prepare_once();
  static std::atomic<int> counter{0};
  name_ = "lr" + std::to_string(::getpid()) + "-" + std::to_string(++counter) + "-" + role;
  must_run({"ip", "netns", "add", name_});
  fd_ = ::open((fs::path(kNetnsDir) / name_).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw LabError("can't open the new namespace " + name_);
  // With br_netfilter loaded, the NAT rules would also see what a bridge merely forwards.
  for (const char* hook : {"iptables", "ip6tables", "arptables"})
    sysctl(std::string("net/bridge/bridge-nf-call-") + hook, "0");
  ip("link set lo up\n");
}

NetNamespace::~NetNamespace() {
  ::close(fd_);
  remove_namespace(name_);
}

void NetNamespace::ip(const std::string& batch) const {
  must_run({"ip", "-batch", "-"}, {.netns_fd = fd_, .input = batch});
}

void NetNamespace::nft(const std::string& ruleset) const {
  must_run({"nft", "-f", "-"}, {.netns_fd = fd_, .input = ruleset});
}

void NetNamespace::sysctl(const std::string& path, const std::string& value) const {
  inside([&] {  // /proc/sys/net follows the opening thread's namespace
    std::ofstream file("/proc/sys/" + path);
    file << value;
  });
}

void sweep_stale_namespaces() {
  remove_where([](pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; });
}

std::string unique_interface_name() {
  static std::atomic<int> counter{0};
  return "lr" + std::to_string(::getpid()) + "w" + std::to_string(++counter);
}

int count_own_namespaces() {
  int count = 0;
  for (const std::string& name : names_in(kNetnsDir))
    if (creator_of(name, '-') == ::getpid()) ++count;
  return count;
}

}  // namespace lanrage::lab
