// What the control server costs: the whole program as users run it, with TLS, driven from here.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <sys/resource.h>

#include "control/metrics.hpp"

namespace {

void allow_many_connections() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int main(int argc, char** argv) {
  lanrage::bench::Options options;
  options.server =
      std::filesystem::read_symlink("/proc/self/exe").replace_filename("lanrage-server");
  double seconds = 3;
  CLI::App app("What the control server costs: JSON lines on standard output", "bench_control");
  app.add_option("--metric", options.only, "Only what this metric needs, for example join_cpu_us");
  app.add_option("--server", options.server, "The server program (default: beside this one)");
  app.add_option("--connections", options.connections, "WebSockets of the heartbeat metrics")
      ->capture_default_str();
  app.add_option("--parties", options.parties, "Parties of the join metrics")
      ->capture_default_str();
  app.add_option("--resumers", options.resumers, "Clients of resume_10k_s")->capture_default_str();
  app.add_option("--commands", options.commands, "Joins and leaves of the growth metrics")
      ->capture_default_str();
  app.add_option("--largest", options.largest, "Parties of the larger server in the growth metrics")
      ->capture_default_str();
  app.add_option("--seconds", seconds, "Length of one round of load")->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds of load; the median counts")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.time = std::chrono::milliseconds(static_cast<int>(seconds * 1000));
  allow_many_connections();
  try {
    lanrage::bench::measure_heartbeats(options);
    lanrage::bench::measure_joins(options);
    lanrage::bench::measure_resumes(options);
    lanrage::bench::measure_growth(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_control: %s\n", error.what());
    return 1;
  }
  return 0;
}
