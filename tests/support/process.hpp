// Programs started by the lab: in a namespace, with a deadline on every wait, and never outliving
// the lab (PDEATHSIG). No shell is involved.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "support/wait.hpp"

namespace lanrage::lab {

// The lab itself failed (no root, a missing tool, a recipe refused): not a result of the test.
class LabError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using Argv = std::vector<std::string>;

// Exit status as a shell shows it: 0-255, or 128 + N when signal N ended the program.
using ExitStatus = int;

struct RunOptions {
  int netns_fd = -1;  // namespace to run in; -1: the caller's
  Millis timeout{30'000};
  std::string input{};
  std::map<std::string, std::string> environment{};  // added to the caller's
};

struct RunResult {
  ExitStatus status = -1;
  bool timed_out = false;  // killed at the deadline; status is then 137
  std::string out;
  std::string err;
};

// Runs a short command to its end. Throws LabError only when it can't be started.
RunResult run(const Argv& argv, const RunOptions& options = {});

// The same for the lab's own set-up: any status but 0 is a LabError that quotes standard error.
// Returns standard output.
std::string must_run(const Argv& argv, const RunOptions& options = {});

// A program that runs beside the test. Spawn from a thread that lives as long as the program is
// wanted: PDEATHSIG fires when the spawning thread ends.
class Process {
 public:
  struct Options {
    int netns_fd = -1;
    std::filesystem::path log_prefix{};  // PREFIX.out and PREFIX.err are appended to
    std::map<std::string, std::string> environment{};
  };

  Process(const Argv& argv, Options options);
  ~Process();  // SIGKILL and reap, if still running
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();

  // Sends a signal, if the program still runs.
  void signal(int number);
  // SIGTERM, then SIGKILL after `grace`; returns the status.
  ExitStatus stop(Millis grace = Millis(10'000));
  // nullopt at the deadline.
  std::optional<ExitStatus> wait(Millis limit);

  // The first complete line of standard output, since this process's start, that begins with
  // `prefix`; nullopt at the deadline or when the program ended without it.
  std::optional<std::string> wait_for_line(std::string_view prefix, Millis limit);

  std::string out() const;  // since this process's start
  std::string err() const;

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<ExitStatus> status_;
  std::filesystem::path out_path_;
  std::filesystem::path err_path_;
  std::uintmax_t out_begin_ = 0;  // the files may hold an earlier run's output
  std::uintmax_t err_begin_ = 0;
};

// True when `program` is found in PATH.
bool have_program(const std::string& program);

}  // namespace lanrage::lab
