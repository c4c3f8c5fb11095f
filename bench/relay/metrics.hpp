// The measurements.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>

namespace lanrage::bench {

struct Options {
  std::filesystem::path server;                         // lanrage-server
  std::optional<std::string> only;                      // one metric, by name
  std::optional<std::filesystem::path> other_server{};  // another build, in the same rounds
  std::size_t pairs = 512;                              // clients that talk, two by two
  std::size_t window = 1024;                            // packets on their way at saturation
  std::size_t memory_pairs = 4000;
  std::size_t coturn_memory_pairs = 1000;
  std::size_t sessions = 1'000'000;      // of the growth metrics, against a thousandth of them
  std::chrono::milliseconds time{2000};  // of one round of load
  std::size_t rounds = 5;                // the median counts
  std::chrono::seconds soak{0};          // 0: none
  bool trains = false;                   // measure them
  // The share of packets that the program in the kernel must have forwarded: all from a session's
  // second one on, but for those that come while its next lease is on the way.
  double least_in_kernel = 0.9;

  bool wants(std::string_view metric) const { return !only || *only == metric; }
};

// packets_per_cpu_s_userspace, packets_per_machine_cpu_s_userspace, overhead_bytes
void measure_throughput(const Options& options);
void measure_kernel_throughput(const Options& options);  // packets_per_*cpu_s_xdp, xdp_share
void measure_latency(const Options& options);            // added_latency_*
void measure_kernel_latency(const Options& options);     // added_latency_*_xdp*
void measure_memory(const Options& options);             // client_bytes, pair_bytes
void measure_trains(const Options& options);             // trains_*; `only` names a scene
void measure_soak(const Options& options);               // soak_*
void measure_growth(const Options& options);             // packet_growth_1m
void measure_core(const Options& options);               // core_*
// All of the machine's, for one that leaves by a veth's driver.
double live_xdp_packet_ns(const Options& options);
void measure_xdp_program(const Options& options);  // xdp_program_ns, xdp_program_random_ns

}  // namespace lanrage::bench
