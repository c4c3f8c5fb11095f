// What the program in the kernel spends on one packet: the CPU's time, without any driver; and with
// one, a veth's, as live frames that the kernel makes, sends out, and gets back for the next round.
// Each packet that it sends is the next that it gets: sessions lead to one another in one round
// through all of them, in random order, so that every run looks up another.
#include <algorithm>
#include <linux/if_link.h>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/cpu.hpp"
#include "common/report.hpp"
#include "io/clock.hpp"
#include "io/unique_fd.hpp"
#include "relay/metrics.hpp"
#include "support/namespace.hpp"
#include "unit/relay/handmade_packets.hpp"
#include "unit/xdp/frames.hpp"
#include "unit/xdp/test_run.hpp"
#include "xdp/xdp_path.hpp"

namespace lanrage::bench {
namespace {

constexpr std::size_t kFew = 512;
constexpr std::size_t kMany = 100'000;
constexpr std::uint32_t kIndex = 77;
constexpr std::uint16_t kPort = 51820;
constexpr std::size_t kPayload = 170;                 // bytes, as the other figures of the relay
const IpAddress kRelay = IpAddress::v4(0xCB007101u);  // 203.0.113.1
const IpAddress kFar = IpAddress::v4(0xC6336402u);    // by the router
constexpr std::uint32_t kFirst = 0x0A000000u;         // 10.0.0.0, the first session's client

class Bench {
 public:
  Bench() {
    netns_.ip(
        "link add wan type veth peer name beyond\n"
        "link set wan up\n"
        "link set beyond up\n"
        "addr add 203.0.113.1/24 dev wan\n"
        "neigh add 203.0.113.254 lladdr 02:00:00:00:00:09 dev wan nud permanent\n"
        "route add default via 203.0.113.254\n");
  }

  double nanoseconds(std::size_t sessions, std::uint32_t packets, std::uint64_t seed) const {
    return netns_.inside([&] {
      const auto path = open(sessions, seed);
      double out = 0;
      expect_hits(*path, packets, [&](const Bytes& frame) {
        out = xdp::test::test_run(*path, "wan", frame, packets).nanoseconds;
      });
      return out;
    });
  }

  // All processor time, the driver's too, of frames that leave and are dropped at the far end.
  double live_nanoseconds(std::size_t sessions, std::uint32_t packets, std::uint64_t seed) const {
    return netns_.inside([&] {
      const auto path = open(sessions, seed);
      const Sink sink("beyond");
      Nanoseconds used{0};
      expect_hits(*path, packets, [&](const Bytes& frame) {
        const auto before = own_cpu() + softirq_threads_cpu();
        xdp::test::run_live(*path, "wan", frame, packets);
        used = own_cpu() + softirq_threads_cpu() - before;
      });
      return static_cast<double>(used.count()) / packets;
    });
  }

 private:
  // Takes frames from that interface and drops them; a veth takes what a program sends only where
  // its far end has a program, too.
  class Sink {
   public:
    explicit Sink(const char* interface) {
      const bpf_insn drop[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_DROP},
                               {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
      program_ = io::UniqueFd(bpf_prog_load(BPF_PROG_TYPE_XDP, "sink", "GPL", drop, 2, nullptr));
      bpf_link_create_opts options{};
      options.sz = sizeof options;
      options.flags = XDP_FLAGS_DRV_MODE;
      const auto index = static_cast<int>(if_nametoindex(interface));
      link_ = io::UniqueFd(bpf_link_create(program_.get(), index, BPF_XDP, &options));
      if (!program_ || !link_) throw std::runtime_error("xdp_program: no sink for live frames");
    }

   private:
    io::UniqueFd program_;
    io::UniqueFd link_;
  };

  static std::unique_ptr<xdp::XdpPath> open(std::size_t sessions, std::uint64_t seed) {
    auto opened = xdp::XdpPath::open(
        {.mode = xdp::Mode::generic, .listen = {kRelay, kPort}, .sessions = sessions + 1});
    if (!opened) throw std::runtime_error(opened.error().message());
    xdp::XdpPath& path = **opened;
    std::mt19937_64 random(seed);
    std::vector<std::uint32_t> addresses(sessions);
    std::iota(addresses.begin(), addresses.end(), kFirst);
    // The first stays: there the round begins.
    std::ranges::shuffle(addresses.begin() + 1, addresses.end(), random);
    const auto until = io::monotonic_now() + std::chrono::minutes(10);
    // The way out is asked for once, from an address that is ours.
    path.grant({{IpAddress::v4(1), kPort}, kFar, kIndex, {kFar, kPort}, kRelay}, {1, 1}, until);
    // In the order of their addresses, not of the round: neighbours in memory don't follow each
    // other.
    std::vector<std::uint32_t> next(sessions);
    for (std::size_t i = 0; i < sessions; ++i)
      next[addresses[i] - kFirst] = addresses[(i + 1) % sessions];
    for (std::uint32_t i = 0; i < sessions; ++i)
      path.grant(
          {{IpAddress::v4(kFirst + i), kPort}, kFar, kIndex, {kFar, kPort}, IpAddress::v4(next[i])},
          {1u << 31, 1u << 31}, until);
    return std::move(*opened);
  }

  template <class Run>
  static void expect_hits(const xdp::XdpPath& path, std::uint32_t packets, const Run& run) {
    const Endpoint first{IpAddress::v4(kFirst), kPort};
    const auto before = path.counters().packets;
    run(xdp::test::encode({{}, {}, first, {kFar, kPort}, 64, true, relay::data(kIndex, kPayload)}));
    if (const auto forwarded = path.counters().packets - before; forwarded != packets)
      throw std::runtime_error("xdp_program: " + std::to_string(forwarded) + " of " +
                               std::to_string(packets) + " packets found their session");
  }

  lab::NetNamespace netns_{"xdp"};
};

}  // namespace

double live_xdp_packet_ns(const Options& options) {
  const auto packets = static_cast<std::uint32_t>(options.time.count() * 1'000);
  const Bench bench;
  std::vector<double> rounds;
  rounds.reserve(options.rounds);
  for (std::size_t round = 0; round < options.rounds; ++round)
    rounds.push_back(bench.live_nanoseconds(kFew, packets, round + 1));
  return median(rounds);
}

void measure_xdp_program(const Options& options) {
  const auto packets = static_cast<std::uint32_t>(options.time.count() * 1'000);
  for (const auto& [metric, sessions] :
       {std::pair("xdp_program_ns", kFew), std::pair("xdp_program_random_ns", kMany)}) {
    if (!options.wants(metric)) continue;
    const Bench bench;
    std::vector<double> rounds;
    rounds.reserve(options.rounds);
    for (std::size_t round = 0; round < options.rounds; ++round)
      rounds.push_back(bench.nanoseconds(sessions, packets, round + 1));
    report(metric, median(rounds), "ns/packet");
  }
}

}  // namespace lanrage::bench
