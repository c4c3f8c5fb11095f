#include "support/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lanrage::lab {
namespace {

constexpr int kExecFailed = 127;

[[noreturn]] void throw_errno(const std::string& what) {
  throw LabError(what + ": " + std::strerror(errno));
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string text_of(const Argv& argv) {
  std::string text;
  for (const std::string& word : argv)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

// Everything the child needs, laid out before fork(): afterwards only async-signal-safe calls are
// allowed, since the test may have threads.
class Child {
 public:
  Child(const Argv& argv, const std::map<std::string, std::string>& added) {
    for (const std::string& word : argv)
      argv_.push_back(const_cast<char*>(word.c_str()));
    argv_.push_back(nullptr);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text = *entry;
      if (!added.contains(std::string(text.substr(0, text.find('=')))))
        environment_.emplace_back(text);
    }
    for (const auto& [name, value] : added)
      environment_.push_back(name + "=" + value);
    for (const std::string& entry : environment_)
      envp_.push_back(const_cast<char*>(entry.c_str()));
    envp_.push_back(nullptr);
  }

  pid_t start(int netns_fd, int in, int out, int err) {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw_errno("fork");
    if (pid > 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(kExecFailed);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    if (netns_fd >= 0 && ::setns(netns_fd, CLONE_NEWNET) != 0) ::_exit(kExecFailed);
    if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(kExecFailed);
    ::close_range(3, ~0u, 0);
    ::execvpe(argv_[0], argv_.data(), envp_.data());
    constexpr std::string_view message = "lab: the program can't be executed\n";
    [[maybe_unused]] const auto written = ::write(2, message.data(), message.size());
    ::_exit(kExecFailed);
  }

 private:
  std::vector<char*> argv_;
  std::vector<std::string> environment_;
  std::vector<char*> envp_;
};

int remaining_ms(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
}

ExitStatus to_exit_status(int raw) {
  return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
}

int open_pidfd(pid_t pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) throw_errno("pidfd_open");
  return fd;
}

bool wait_readable(int fd, Clock::time_point deadline) {
  pollfd entry{fd, POLLIN, 0};
  while (true) {
    const int ready = ::poll(&entry, 1, remaining_ms(deadline));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) throw_errno("poll");
  }
}

ExitStatus reap(pid_t pid) {
  int raw = 0;
  while (::waitpid(pid, &raw, 0) < 0)
    if (errno != EINTR) throw_errno("waitpid");
  return to_exit_status(raw);
}

int memory_file(const char* name, std::string_view content = {}) {
  const int fd = ::memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) throw_errno("memfd_create");
  while (!content.empty()) {
    const auto written = ::write(fd, content.data(), content.size());
    if (written < 0) throw_errno("write");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string read_from_start(int fd) {
  std::string text;
  std::array<char, 8192> buffer;
  off_t offset = 0;
  while (true) {
    const auto got = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    offset += got;
  }
}

std::string read_file_from(const std::filesystem::path& path, std::uintmax_t begin) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return {};
  std::string text = read_from_start(fd.get());
  return begin < text.size() ? text.substr(begin) : std::string();
}

std::uintmax_t size_or_zero(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

RunResult run(const Argv& argv, const RunOptions& options) {
  const Fd in(memory_file("stdin", options.input));
  const Fd out(memory_file("stdout"));
  const Fd err(memory_file("stderr"));
  Child child(argv, options.environment);
  const pid_t pid = child.start(options.netns_fd, in.get(), out.get(), err.get());
  const Fd pidfd(open_pidfd(pid));
  RunResult result;
  if (!wait_readable(pidfd.get(), Clock::now() + patient(options.timeout))) {
    result.timed_out = true;
    ::kill(pid, SIGKILL);
  }
  result.status = reap(pid);
  result.out = read_from_start(out.get());
  result.err = read_from_start(err.get());
  return result;
}

std::string must_run(const Argv& argv, const RunOptions& options) {
  RunResult result = run(argv, options);
  if (result.status == 0) return std::move(result.out);
  throw LabError("'" + text_of(argv) + "' ended with status " + std::to_string(result.status) +
                 (result.timed_out ? " (deadline)" : "") + ": " + result.err +
                 (options.input.empty() ? "" : "\ninput was:\n" + options.input));
}

Process::Process(const Argv& argv, Options options)
    : out_path_(options.log_prefix.string() + ".out"),
      err_path_(options.log_prefix.string() + ".err"),
      out_begin_(size_or_zero(out_path_)),
      err_begin_(size_or_zero(err_path_)) {
  constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  const Fd in(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd out(::open(out_path_.c_str(), kAppend, 0600));
  const Fd err(::open(err_path_.c_str(), kAppend, 0600));
  if (in.get() < 0 || out.get() < 0 || err.get() < 0) throw_errno("open " + out_path_.string());
  Child child(argv, options.environment);
  pid_ = child.start(options.netns_fd, in.get(), out.get(), err.get());
  pidfd_ = open_pidfd(pid_);
}

Process::~Process() {
  if (!status_) {
    ::kill(pid_, SIGKILL);
    reap(pid_);
  }
  ::close(pidfd_);
}

bool Process::running() {
  return !wait(Millis(0));
}

void Process::signal(int number) {
  if (!status_) ::kill(pid_, number);
}

ExitStatus Process::stop(Millis grace) {
  signal(SIGTERM);
  if (auto status = wait(grace)) return *status;
  signal(SIGKILL);
  return wait(Millis(60'000)).value_or(-1);
}

std::optional<ExitStatus> Process::wait(Millis limit) {
  if (!status_ && wait_readable(pidfd_, Clock::now() + patient(limit))) status_ = reap(pid_);
  return status_;
}

std::optional<std::string> Process::wait_for_line(std::string_view prefix, Millis limit) {
  const auto deadline = Clock::now() + patient(limit);
  const Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (watch.get() < 0 || ::inotify_add_watch(watch.get(), out_path_.c_str(), IN_MODIFY) < 0)
    throw_errno("inotify");
  while (true) {
    const bool ended = !running();  // asked before reading: what it wrote last is then in the file
    const std::string text = out();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      if (end == std::string::npos) break;
      if (std::string_view(text).substr(begin).starts_with(prefix))
        return text.substr(begin, end - begin);
      begin = end + 1;
    }
    if (ended || Clock::now() >= deadline) return std::nullopt;
    std::array<pollfd, 2> entries{pollfd{watch.get(), POLLIN, 0}, pollfd{pidfd_, POLLIN, 0}};
    ::poll(entries.data(), entries.size(), remaining_ms(deadline));
    std::array<char, 4096> events;
    while (::read(watch.get(), events.data(), events.size()) > 0) {
    }
  }
}

std::string Process::out() const {
  return read_file_from(out_path_, out_begin_);
}
std::string Process::err() const {
  return read_file_from(err_path_, err_begin_);
}

bool have_program(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin";
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::filesystem::path file = std::filesystem::path(rest.substr(0, colon)) / program;
    if (::access(file.c_str(), X_OK) == 0) return true;
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return false;
}

}  // namespace lanrage::lab
