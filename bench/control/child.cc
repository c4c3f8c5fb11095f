#include "control/child.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace lanrage::bench {
namespace {

// Forks with a pipe from the child to us: (pid, our end, the child's end).
struct Forked {
  pid_t pid;
  int ours;
  int theirs;
};
Forked fork_with_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe2");
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid == 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return {pid, ends[0], ends[1]};
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
  const auto [pid, ours, theirs] = fork_with_pipe();
  if (pid == 0) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const auto& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int errors = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(theirs, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    std::perror(argv[0]);
    ::_exit(127);
  }
  ::close(theirs);
  pid_ = pid;
  output_ = ours;
}

Child::Child(const std::function<void(int)>& body) {
  const auto [pid, ours, theirs] = fork_with_pipe();
  if (pid == 0) {
    body(theirs);
    ::_exit(0);
  }
  ::close(theirs);
  pid_ = pid;
  output_ = ours;
}

Child::~Child() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(output_);
}

std::string Child::first_line() {
  std::string line;
  for (;;) {
    pollfd waiting{output_, POLLIN, 0};
    char byte = 0;
    if (::poll(&waiting, 1, 30'000) <= 0 || ::read(output_, &byte, 1) != 1) return {};
    if (byte == '\n') return line;
    line += byte;
  }
}

void Child::stop() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "mkdtemp");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace lanrage::bench
