// What the LAN costs: throughput and round trips by `lan0`, beside those by a bare tunnel of
// wireguard-go on the same two machines, in turns.
#include <CLI/CLI.hpp>
#include <iostream>

#include "common/report.hpp"
#include "segment/testbed.hpp"
#include "segment/traffic.hpp"
#include "support/process.hpp"

namespace {

using namespace lanrage;

constexpr std::string_view kPeer = "bare wireguard-go";

struct Options {
  int rounds = 9;
  int milliseconds = 2'000;  // of each transfer
  int echoes = 4'000;
  std::size_t size = 170;  // bytes of each
};

int run(const Options& options) {
  lab::require_lab();
  const bench::Testbed testbed;
  std::vector<double> lan_speed, bare_speed, lan_trip, bare_trip, added;
  const auto speed = [&](const IpAddress& to) {
    return bench::tcp_mbit_s(testbed.a(), testbed.b(), to,
                             std::chrono::milliseconds(options.milliseconds));
  };
  const auto trip = [&](const IpAddress& to) {
    return bench::median(
        bench::round_trips_us(testbed.a(), testbed.b(), to, options.echoes, options.size));
  };
  for (int round = 0; round < options.rounds; ++round) {
    bare_speed.push_back(speed(bench::Testbed::bare_address()));
    lan_speed.push_back(speed(bench::Testbed::lan_address()));
    bare_trip.push_back(trip(bench::Testbed::bare_address()));
    lan_trip.push_back(trip(bench::Testbed::lan_address()));
    added.push_back(lan_trip.back() - bare_trip.back());
    bench::note("  %.0f Mbit/s by the LAN, %.0f bare; %.1f us there and back by the LAN, %.1f bare",
                lan_speed.back(), bare_speed.back(), lan_trip.back(), bare_trip.back());
  }
  bench::report("tcp_mbit_s", bench::median(lan_speed), "Mbit/s",
                bench::Peer{kPeer, bench::median(bare_speed)});
  bench::report("round_trip_us", bench::median(lan_trip), "us",
                bench::Peer{kPeer, bench::median(bare_trip)});
  bench::report("added_round_trip_us", bench::median(added), "us");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("The LAN beside a bare tunnel");
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000));
  app.add_option("--milliseconds", options.milliseconds)->check(CLI::Range(1, 60'000));
  app.add_option("--echoes", options.echoes)->check(CLI::Range(1, 1'000'000));
  app.add_option("--size", options.size)->check(CLI::Range(1, 1'200));
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const lab::LabError& error) {
    std::cerr << "bench_lan: " << error.what() << '\n';
    return 1;
  }
}
