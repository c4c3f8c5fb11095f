// What the program in the kernel spends on one packet: the CPU's time, without any driver. Each
// packet that it sends is the next that it gets: sessions lead to one another in one round through
// all of them, in random order, so that every run looks up another.
#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/report.hpp"
#include "io/clock.hpp"
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
      auto opened = xdp::XdpPath::open(
          {.mode = xdp::Mode::generic, .listen = {kRelay, kPort}, .sessions = sessions + 1});
      if (!opened) throw std::runtime_error(opened.error().message());
      xdp::XdpPath& path = **opened;
      std::mt19937_64 random(seed);
      std::vector<std::uint32_t> addresses(sessions);
      std::iota(addresses.begin(), addresses.end(), 0x0A000000u);  // 10.0.0.0 and on
      std::ranges::shuffle(addresses, random);
      const auto until = io::monotonic_now() + std::chrono::minutes(10);
      // The way out is asked for once, from an address that is ours.
      path.grant({{IpAddress::v4(1), kPort}, kFar, kIndex, {kFar, kPort}, kRelay}, 1, until);
      for (std::size_t i = 0; i < sessions; ++i)
        path.grant({{IpAddress::v4(addresses[i]), kPort},
                    kFar,
                    kIndex,
                    {kFar, kPort},
                    IpAddress::v4(addresses[(i + 1) % sessions])},
                   1ull << 40, until);
      return run(path, {IpAddress::v4(addresses[0]), kPort}, packets);
    });
  }

 private:
  static double run(const xdp::XdpPath& path, const Endpoint& first, std::uint32_t packets) {
    const Bytes frame =
        xdp::test::encode({{}, {}, first, {kFar, kPort}, 64, true, relay::data(kIndex, kPayload)});
    const auto before = path.counters().packets;
    const auto ran = xdp::test::test_run(path, "wan", frame, packets);
    if (const auto forwarded = path.counters().packets - before; forwarded != packets)
      throw std::runtime_error("xdp_program: " + std::to_string(forwarded) + " of " +
                               std::to_string(packets) + " packets found their session");
    return ran.nanoseconds;
  }

  lab::NetNamespace netns_{"xdp"};
};

}  // namespace

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
