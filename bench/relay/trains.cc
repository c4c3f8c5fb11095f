// Whether it helps to take and send datagrams of one size several at a time (UDP_GRO, UDP_SEGMENT),
// by the same build in turns.
#include <iterator>
#include <string>
#include <vector>

#include "common/report.hpp"
#include "relay/contest.hpp"

namespace lanrage::bench {
namespace {

constexpr LoadShape kBulk{.message_size = 1300, .burst = 32};
constexpr std::size_t kBulkPairs = 8;  // two on each socket, whose bursts take turns

struct Variant {
  const char* name;
  const char* offload;
};
constexpr Variant kVariants[] = {
    {"neither", "off"}, {"gso", "send"}, {"gro", "receive"}, {"both", "auto"}};

struct Scene {
  const char* name;
  Testbed::Veths veths;
  LoadShape shape;
  bool bulk;
};

void run_scene(const Scene& scene, const Options& options) {
  Options own = options;
  if (scene.bulk) own.pairs = kBulkPairs;
  const Arena arena(scene.veths, scene.shape);
  note("%s", scene.name);
  std::vector<Contestant> results;
  for (std::size_t i = 0; i < std::size(kVariants); ++i)
    results.push_back({&arena, nullptr});
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const double load_ns = cost_of_load(arena, own);
    for (std::size_t turn = 0; turn < std::size(kVariants); ++turn) {
      const std::size_t i = (round + turn) % std::size(kVariants);
      // One at a time: a socket that takes trains makes the kernel look for sockets for all of the
      // machine's packets.
      results[i].relay = make_lanrage(arena,
                                      {.program = options.server,
                                       .arguments = {"--relay-offload", kVariants[i].offload},
                                       .name = kVariants[i].name},
                                      own.pairs);
      run_round(results[i], load_ns, own);
      results[i].relay.reset();
    }
  }
  for (std::size_t i = 0; i < std::size(kVariants); ++i) {
    const auto named = [&](const char* what) {
      return std::string("trains_") + what + "_" + scene.name + "_" + kVariants[i].name;
    };
    const auto against = [&](std::vector<double> Contestant::* cost) {
      std::vector<double> ratios;
      for (std::size_t r = 0; r < options.rounds; ++r)
        ratios.push_back((results[0].*cost)[r] / (results[i].*cost)[r]);
      return median(ratios);
    };
    report(named("packets_per_cpu_s"), 1e9 / median(results[i].own), "packets/CPU-s");
    report(named("packets_per_machine_cpu_s"), 1e9 / median(results[i].machine), "packets/CPU-s");
    report(named("packets_per_s"), median(results[i].delivered), "packets/s");
    report(named("ratio_cpu"), against(&Contestant::own), "of neither's");
    report(named("ratio_machine_cpu"), against(&Contestant::machine), "of neither's");
  }
}

}  // namespace

void measure_trains(const Options& options) {
  if (!options.trains) return;
  LoadShape segmented = kBulk;
  segmented.segmented = true;
  const Scene scenes[] = {
      {"small_plain", Testbed::Veths::plain, {}, false},
      {"small_card", Testbed::Veths::with_gro, {}, false},
      {"bulk_plain", Testbed::Veths::plain, kBulk, true},
      {"bulk_card", Testbed::Veths::with_gro, kBulk, true},
      {"bulk_segmenting", Testbed::Veths::segmenting, segmented, true},
  };
  for (const Scene& scene : scenes)
    if (options.wants(scene.name)) run_scene(scene, options);
}

}  // namespace lanrage::bench
