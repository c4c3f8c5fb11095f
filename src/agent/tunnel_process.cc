#include "agent/tunnel_process.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "wireguard/uapi.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::string_view kSocketDirectory = "/var/run/wireguard";
constexpr milliseconds kStartLimit{10'000};  // it takes some 50 ms
constexpr milliseconds kStopLimit{3'000};
constexpr milliseconds kReadyCheck{5};
constexpr milliseconds kEndingLimit{500};
constexpr int kReplySeconds = 2;
constexpr std::size_t kReplyPart = 16 * 1024;
constexpr std::size_t kMaxReply = 4 << 20;  // a full party's status takes some 30 KiB
constexpr off_t kMaxLog = 64 * 1024;
constexpr std::size_t kLastWords = 400;

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  const std::string places = path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path;
  for (std::size_t begin = 0; begin < places.size();) {
    const auto end = std::min(places.find(':', begin), places.size());
    const auto candidate = places.substr(begin, end - begin) + "/" + std::string(name);
    if (candidate[0] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return {};
}

std::unexpected<Error> not_started(const std::string& why) {
  return fail(TunnelErrc::no_userspace_wireguard, "can't start wireguard-go: " + why);
}

std::unexpected<Error> no_permission(const std::string& words) {
  return fail(TunnelErrc::no_permission,
              "wireguard-go may not make an interface; run the daemon as root or with "
              "CAP_NET_ADMIN (" +
                  words + ")");
}

// For the log: not a pipe, because one that nobody reads mustn't stop the tunnel; nor one in memory
// alone, which the agent's sandbox forbids.
io::UniqueFd nameless_file() {
  auto path = std::string(kSocketDirectory) + "/.log-XXXXXX";
  io::UniqueFd file(::mkostemp(path.data(), O_APPEND | O_CLOEXEC));
  if (file) ::unlink(path.c_str());
  return file;
}

io::UniqueFd connect_control_socket(const std::string& interface_name) {
  const auto path = control_socket_path(interface_name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  io::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  // Also bounds connect(): a stopped process with a full backlog mustn't stop us.
  const timeval limit{.tv_sec = kReplySeconds, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become_wireguard(char* const* argv, char* const* environment, int log,
                                   pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // on SIGTERM it removes its socket
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);  // Ctrl-C is for the agent, which then ends its tunnels in order
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  ::execve(argv[0], argv, environment);
  ::_exit(127);
}

bool ended_within(int pid_fd, milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{.fd = pid_fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

std::string control_socket_path(const std::string& interface_name) {
  return std::string(kSocketDirectory) + "/" + interface_name + ".sock";
}

bool control_socket_answers(const std::string& interface_name) {
  return static_cast<bool>(connect_control_socket(interface_name));
}

std::string find_wireguard_go() {
  return find_program("wireguard-go");
}

bool have_wireguard_go() {
  return !find_wireguard_go().empty();
}

void make_control_socket_folder() {
  std::error_code ignored;  // wireguard-go says so if that failed
  fs::create_directories(kSocketDirectory, ignored);
}

Result<WireguardProcess> WireguardProcess::start(const std::string& interface_name) {
  const auto program = find_wireguard_go();
  if (program.empty())
    return not_started("it isn't in PATH; install it (Debian: apt install wireguard-go)");
  make_control_socket_folder();

  auto log = nameless_file();
  if (!log && errno == EACCES) return no_permission(std::string(kSocketDirectory) + " is root's");
  if (!log)
    return not_started("no file in " + std::string(kSocketDirectory) +
                       " for its log: " + std::strerror(errno));

  std::array<std::string, 3> arguments{program, "--foreground", interface_name};
  std::array<std::string, 2> variables{"LOG_LEVEL=error", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  std::array<char*, 4> argv{};
  std::array<char*, 3> environment{};
  for (std::size_t i = 0; i < arguments.size(); ++i)
    argv[i] = arguments[i].data();
  for (std::size_t i = 0; i < variables.size(); ++i)
    environment[i] = variables[i].data();

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return not_started(std::strerror(errno));
  if (pid == 0) become_wireguard(argv.data(), environment.data(), log.get(), parent);

  io::UniqueFd pid_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  WireguardProcess process(interface_name, pid, std::move(pid_fd), std::move(log));
  if (auto ready = process.wait_until_ready(); !ready)
    return std::unexpected(std::move(ready).error());
  return process;
}

Result<void> WireguardProcess::wait_until_ready() {
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  while (!control_socket_answers(interface_name_)) {
    if (auto alive = pause(kReadyCheck); !alive) {
      const auto words = last_words();
      if (words.find("operation not permitted") != std::string::npos ||
          words.find("permission denied") != std::string::npos)
        return no_permission(words);
      return not_started(words.empty() ? alive.error().message() : words);
    }
    if (std::chrono::steady_clock::now() > deadline)
      return not_started("its control socket didn't answer within 10 s; " + last_words());
  }
  return {};
}

WireguardProcess::~WireguardProcess() {
  if (!pid_fd_) return;  // moved from
  ::kill(pid_, SIGTERM);
  if (!ended_within(pid_fd_.get(), kStopLimit)) ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  // Left only by a killed one; harmless, but the next start would have to find out that it's dead.
  ::unlink(control_socket_path(interface_name_).c_str());
}

Result<void> WireguardProcess::pause(milliseconds limit) {
  if (ended_within(pid_fd_.get(), limit)) return ended();
  return {};
}

Result<WipedString> WireguardProcess::exchange(std::string_view request) {
  if (ended_within(pid_fd_.get(), milliseconds(0))) return ended();
  bound_log();
  const auto failed = [&](int error) -> std::unexpected<Error> {
    // A process that ends closes its socket a moment before it's known to have ended.
    if (ended_within(pid_fd_.get(), error == EAGAIN ? milliseconds(0) : kEndingLimit))
      return ended();
    return fail(TunnelErrc::device_failed,
                "wireguard-go for " + interface_name_ + " (pid " + std::to_string(pid_) +
                    ") doesn't answer on its control socket: " +
                    (error == EAGAIN ? "no reply within 2 s" : std::strerror(error)));
  };
  const auto fd = connect_control_socket(interface_name_);
  if (!fd) return failed(errno);
  while (!request.empty()) {
    const auto sent = ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return failed(errno);
    request.remove_prefix(static_cast<std::size_t>(sent));
  }
  WipedString reply;
  while (!wireguard::uapi::is_complete(reply)) {
    const auto before = reply.size();
    if (before + kReplyPart > kMaxReply) return failed(EMSGSIZE);
    reply.resize(before + kReplyPart);
    const auto size = ::recv(fd.get(), reply.data() + before, kReplyPart, 0);
    if (size < 0 && errno != EINTR) return failed(errno);
    if (size == 0) return failed(ECONNRESET);
    reply.resize(before + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  return reply;
}

std::unexpected<Error> WireguardProcess::ended() const {
  siginfo_t info{};
  std::string how = "ended";
  // WNOWAIT: the destructor reaps it.
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == pid_)
    how = (info.si_code == CLD_EXITED ? "exited with status " : "was ended by signal ") +
          std::to_string(info.si_status);
  const auto words = last_words();
  return fail(TunnelErrc::device_gone, "wireguard-go for " + interface_name_ + " (pid " +
                                           std::to_string(pid_) + ") " + how +
                                           (words.empty() ? "" : ": " + words));
}

std::string WireguardProcess::last_words() const {
  const auto size = static_cast<std::size_t>(std::max<off_t>(::lseek(log_.get(), 0, SEEK_END), 0));
  std::string text(std::min(size, kLastWords), '\0');
  const auto read =
      ::pread(log_.get(), text.data(), text.size(), static_cast<off_t>(size - text.size()));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
  while (text.ends_with('\n'))
    text.pop_back();
  return text.substr(text.rfind('\n') + 1);  // the last line; from 0 when it's the only one
}

// It complains about each packet that it can't send: what nobody asked for is thrown away.
void WireguardProcess::bound_log() const {
  if (::lseek(log_.get(), 0, SEEK_END) > kMaxLog) (void)::ftruncate(log_.get(), 0);
}

}  // namespace lanrage::agent
