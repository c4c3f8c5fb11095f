// A program under measurement, and what the kernel says it costs.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "common/cpu.hpp"

namespace lanrage::bench {

class Child {
 public:
  // Starts a program; `log` gets its standard error.
  Child(const std::vector<std::string>& arguments, const std::filesystem::path& log);
  // A copy of this process that runs `body` and never returns from here. Before any thread.
  explicit Child(const std::function<void(int ready_pipe)>& body);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();  // SIGKILL if it still runs

  // The first line of its output, without the newline; empty when there is none within 30 s.
  std::string first_line();
  // SIGTERM, and until it has ended.
  void stop();

  // Time on a processor so far, of all its threads.
  std::chrono::nanoseconds cpu() const { return cpu_of(pid_); }
  std::size_t resident_kib() const { return resident_bytes(pid_) / 1024; }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

// A folder that goes with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace lanrage::bench
