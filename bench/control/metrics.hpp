// The measurements, each with a server and a population of its own.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "control/child.hpp"
#include "control/connection.hpp"

namespace lanrage::bench {

struct Options {
  std::filesystem::path server;     // the program
  std::optional<std::string> only;  // one metric, by name
  std::size_t connections = 2000;   // heartbeats and idle memory
  std::size_t parties = 1000;       // joins
  std::size_t resumers = 10'000;
  std::size_t commands = 3000;           // of a growth measurement, at each size
  std::size_t largest = 100'000;         // parties, of a growth measurement
  std::chrono::milliseconds time{3000};  // of one round of load
  std::size_t rounds = 3;                // the median counts

  bool wants(std::string_view metric) const { return !only || *only == metric; }
};

// A lanrage-server with data of its own, control role only.
class Server {
 public:
  explicit Server(const Options& options);
  void start();
  void stop();
  std::uint16_t port() const { return port_; }
  const Child& process() const { return *process_; }

 private:
  std::filesystem::path settings() const;

  const Options& options_;
  TemporaryFolder folder_;
  std::unique_ptr<Child> process_;
  std::uint16_t port_ = 0;
};

// What a stretch of load cost the server and us.
class Meter {
 public:
  explicit Meter(const Child& process);
  void stop();
  double cpu_us() const { return cpu_us_; }
  double seconds() const { return seconds_; }
  // Processors in use, 1.0 being one of them.
  double server_share() const { return cpu_us_ / seconds_ / 1e6; }
  double own_share() const { return own_us_ / seconds_ / 1e6; }

 private:
  const Child& process_;
  std::chrono::steady_clock::time_point began_;
  double cpu_us_;
  double own_us_;
  double seconds_ = 0;
};

void measure_heartbeats(const Options& options);  // ws_heartbeat_cpu_us, rest_, idle_ws_kib
void measure_joins(const Options& options);       // join_*, joins_per_s
void measure_resumes(const Options& options);     // resume_10k_*
void measure_growth(const Options& options);      // command_cost_growth*

}  // namespace lanrage::bench
