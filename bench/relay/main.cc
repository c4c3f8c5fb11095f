// What the relay costs and adds: the whole program as users run it, beside coturn in the same run,
// driven by real packets between network namespaces.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "common/report.hpp"
#include "relay/coturn.hpp"
#include "relay/metrics.hpp"

namespace {

// That it runs, not how fast.
void make_small(lanrage::bench::Options& options) {
  options.pairs = 16;
  options.memory_pairs = 32;
  options.coturn_memory_pairs = 16;
  options.sessions = 4000;
  options.time = std::chrono::milliseconds(100);
  options.rounds = 1;
  options.least_in_kernel = 0.01;
  options.soak = std::chrono::seconds(2);
  options.trains = true;
}

}  // namespace

int main(int argc, char** argv) {
  lanrage::bench::Options options;
  options.server =
      std::filesystem::read_symlink("/proc/self/exe").replace_filename("lanrage-server");
  double seconds = 2;
  int soak = 0;
  bool quick = false;
  CLI::App app("What the relay costs and adds: JSON lines on standard output", "bench_relay");
  app.add_option("--metric", options.only, "Only what this metric needs, for example client_bytes");
  app.add_option("--server", options.server, "The server program (default: beside this one)");
  app.add_option("--other-server", options.other_server,
                 "Another build of it, compared at saturation in the same rounds");
  app.add_option("--pairs", options.pairs, "Pairs of clients under load")->capture_default_str();
  app.add_option("--window", options.window, "Packets on their way at saturation")
      ->capture_default_str();
  app.add_option("--sessions", options.sessions, "Of packet_growth_1m")->capture_default_str();
  app.add_option("--seconds", seconds, "Length of one round of load")->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds of load; the median counts")
      ->capture_default_str();
  app.add_option("--soak", soak,
                 "Instead of all else: full load for so many seconds, while clients come and go");
  app.add_flag(
      "--trains", options.trains,
      "Instead of all else: UDP_GRO and UDP_SEGMENT on and off, with small packets of many "
      "pairs and bursts of large ones of few");
  app.add_flag("--quick", quick, "As small as it gets: shows that it works, and no figures");
  CLI11_PARSE(app, argc, argv);
  options.time = std::chrono::milliseconds(static_cast<int>(seconds * 1000));
  options.soak = std::chrono::seconds(soak);
  if (quick) make_small(options);
  if (!lanrage::bench::Coturn::installed())
    lanrage::bench::note(
        "bench_relay: turnserver isn't installed (Debian's package coturn), so "
        "nothing is compared");
  try {
    lanrage::bench::measure_soak(options);
    if (options.soak.count() > 0 && !quick) return 0;
    lanrage::bench::measure_trains(options);
    if (options.trains && !quick) return 0;
    lanrage::bench::measure_core(options);
    lanrage::bench::measure_xdp_program(options);
    lanrage::bench::measure_throughput(options);
    lanrage::bench::measure_kernel_throughput(options);
    lanrage::bench::measure_latency(options);
    lanrage::bench::measure_kernel_latency(options);
    lanrage::bench::measure_memory(options);
    lanrage::bench::measure_growth(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_relay: %s\n", error.what());
    return 1;
  }
  return 0;
}
