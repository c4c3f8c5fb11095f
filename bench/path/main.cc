// Every pair of NATs, run in the lab: one JSON line a pair. Each run is a process of its own, so
// that one that hangs or dies costs its own line and nothing else.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <ostream>
#include <string>
#include <vector>

#include "demo.hpp"
#include "path/recording.hpp"
#include "path/tally.hpp"
#include "support/namespace.hpp"
#include "support/process.hpp"

namespace {

using lanrage::bench::Tally;
using lanrage::lab::DemoOptions;
using lanrage::lab::Millis;
using lanrage::lab::NatPair;

constexpr int kPacketsPerSecond = 50;  // each way
constexpr Millis kRunLimit{120'000};   // a pair's whole run, all set-up included
constexpr int kAsExpected = 0, kFailed = 1, kOtherwise = 3;

struct Options {
  std::vector<std::string> pairs;
  int one_way_ms = 15;
  int rounds = 1;
  std::string single;
  std::string record;
};

// One pair, in this process.
int run_single(const Options& options, const NatPair& pair) {
  const DemoOptions demo{.nat_a = pair.a,
                         .nat_b = pair.b,
                         .one_way = Millis(options.one_way_ms),
                         .traffic_rate = kPacketsPerSecond};
  std::ostream silence(nullptr);
  const auto report = lanrage::lab::run_demo(demo, silence);
  std::puts(lanrage::bench::to_json(demo, report).c_str());
  return lanrage::lab::is_as_expected(report, pair.meeting) ? kAsExpected : kOtherwise;
}

// The same, in a process that ends within kRunLimit.
void run_apart(const Options& options, const NatPair& pair, Tally& tally) {
  const std::string name =
      std::string(name_of(pair.a)) + ":" + std::string(lanrage::lab::name_of(pair.b));
  const auto result = lanrage::lab::run(
      {"/proc/self/exe", "--single", name, "--one-way", std::to_string(options.one_way_ms)},
      {.timeout = kRunLimit});
  std::fputs(result.out.c_str(), stdout);
  std::fflush(stdout);
  if (result.timed_out)
    std::fprintf(stderr, "bench_path: %s took longer than %lld s and was stopped\n", name.c_str(),
                 static_cast<long long>(kRunLimit.count() / 1000));
  else if (result.status == kOtherwise)
    std::fprintf(stderr, "bench_path: %s was expected to be %s\n", name.c_str(),
                 std::string(name_of(pair.meeting)).c_str());
  else if (result.status != kAsExpected)
    std::fprintf(stderr, "bench_path: %s failed: %s\n", name.c_str(), result.err.c_str());
  tally.add(result.out, result.status == kAsExpected);
}

int run_recording(const Options& options) {
  const auto recording = lanrage::bench::record({.one_way_ms = options.one_way_ms});
  lanrage::bench::write_csv(recording, options.record + ".csv");
  lanrage::bench::write_svg(recording, options.record + ".svg");
  std::puts(lanrage::bench::to_json(recording).c_str());
  return recording.fallback_gap_ms ? 0 : kFailed;
}

std::vector<NatPair> chosen_pairs(const Options& options) {
  if (options.pairs.empty()) return lanrage::lab::nat_pairs();
  std::vector<NatPair> pairs;
  pairs.reserve(options.pairs.size());
  for (const std::string& text : options.pairs)
    pairs.push_back(*lanrage::lab::nat_pair_from(text));  // checked when it was read
  return pairs;
}

std::string check_pair(const std::string& text) {
  if (lanrage::lab::nat_pair_from(text)) return {};
  return "'" + text + "' isn't KIND:KIND; KIND is one of: " + lanrage::lab::nat_kind_names();
}

int run_all(const Options& options) {
  Tally tally;
  for (int round = 0; round < options.rounds; ++round)
    for (const NatPair& pair : chosen_pairs(options))
      run_apart(options, pair, tally);
  tally.print();
  return tally.all_as_expected() ? 0 : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Two players behind every pair of NATs, in network namespaces: JSON lines on standard "
      "output. Exit status 1 when a pair doesn't end as docs/guide/paths.md says.",
      "bench_path");
  app.add_option("--pairs", options.pairs,
                 "Only these, for example open:symmetric,cgnat:cgnat; the first is the host")
      ->delimiter(',')
      ->check(check_pair);
  app.add_option("--one-way", options.one_way_ms,
                 "Milliseconds from each player's router to the internet and from there back")
      ->check(CLI::Range(0, 500))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Runs of each pair")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--record", options.record,
                 "Instead of the pairs, half a minute of pings while the path goes from the relay "
                 "to direct, is cut off, and goes back: FILE.csv and FILE.svg")
      ->type_name("FILE");
  app.add_option("--single", options.single)->check(check_pair)->group("");
  CLI11_PARSE(app, argc, argv);
  try {
    lanrage::lab::require_lab();
    if (!options.single.empty())
      return run_single(options, *lanrage::lab::nat_pair_from(options.single));
    return options.record.empty() ? run_all(options) : run_recording(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_path: %s\n", error.what());
    return kFailed;
  }
}
