// lanrage-server in a namespace, with a data directory that outlives a kill.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/network.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::lab {

// The directory of the programs under test: LANRAGE_BIN_DIR, or where this build puts them.
std::filesystem::path bin_dir();

class Server {
 public:
  // Starts the server and waits until it is ready. `arguments` are added to its command line;
  // `public_address` is what it tells players, the host's own address unless given.
  explicit Server(const Host& host, const Argv& arguments = {});
  // `clock_ahead`: of everybody else's.
  Server(const Host& host, const IpAddress& public_address, const Argv& arguments = {},
         std::chrono::seconds clock_ahead = {});
  ~Server();

  const Host& host() const { return host_; }
  const std::string& url() const { return url_; }
  const std::string& pin() const { return pin_; }
  const std::string& word() const { return word_; }  // empty: creating parties needs none
  const std::filesystem::path& data_dir() const { return data_dir_; }

  pid_t pid() const { return process_->pid(); }
  void kill();        // SIGKILL, and waits for the end
  ExitStatus stop();  // SIGTERM
  void start();       // again, on the same data; waits until it is ready

  // Standard output and error of the current run, for messages of failed tests.
  std::string log() const;
  // Standard error alone: what is logged. (The ready line shows the join word on purpose.)
  std::string error_log() const;

 private:
  const Host& host_;
  IpAddress public_address_;
  Argv arguments_;
  std::chrono::seconds clock_ahead_{};
  TempDir directory_;
  std::filesystem::path data_dir_;
  std::unique_ptr<Process> process_;
  std::string url_;
  std::string pin_;
  std::string word_;
};

}  // namespace lanrage::lab
