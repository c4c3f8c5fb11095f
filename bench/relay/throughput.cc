// What a delivered packet costs at saturation.
#include <stdexcept>
#include <vector>

#include "common/report.hpp"
#include "relay/contest.hpp"

namespace lanrage::bench {
void measure_throughput(const Options& options) {
  if (!options.wants("packets_per_cpu_s_userspace") &&
      !options.wants("packets_per_machine_cpu_s_userspace") && !options.wants("overhead_bytes"))
    return;
  const Arena arena;
  std::vector<Contestant> contestants;
  contestants.push_back({&arena, make_lanrage(arena, {options.server}, options.pairs)});
  if (Coturn::installed())
    for (const auto receiver : {Coturn::Receiver::allocated, Coturn::Receiver::plain})
      contestants.push_back({&arena, make_coturn(arena, receiver, options.pairs)});
  if (options.other_server)
    contestants.push_back(
        {&arena, make_lanrage(arena, {*options.other_server, {}, "other", 51830}, options.pairs)});
  contest(contestants, options);
  const Contestant& ours = contestants[0];
  const Contestant* peer = Coturn::installed() ? &contestants[1] : nullptr;
  report_cost("packets_per_cpu_s_userspace", ours, peer, &Contestant::own);
  report_cost("packets_per_machine_cpu_s_userspace", ours, peer, &Contestant::machine);
  if (peer != nullptr) {
    report_cost("packets_per_cpu_s_userspace_one_allocation", ours, &contestants[2],
                &Contestant::own);
    report_cost("packets_per_machine_cpu_s_userspace_one_allocation", ours, &contestants[2],
                &Contestant::machine);
  }
  if (options.other_server) {
    report_cost("packets_per_cpu_s_against_other", ours, &contestants.back(), &Contestant::own);
    report_cost("packets_per_machine_cpu_s_against_other", ours, &contestants.back(),
                &Contestant::machine);
  }
  std::optional<Peer> overhead;
  if (peer != nullptr)
    overhead = {peer->relay->name(), static_cast<double>(peer->delivered_size - kMessageSize)};
  report("overhead_bytes", static_cast<double>(ours.delivered_size - kMessageSize), "bytes",
         overhead);
}

// Twice: as live frames on a veth, which is what the program and a driver cost; and end to end,
// between the load's two ends, where all processor time counts, less what the load costs without a
// relay. There a veth's driver copies each packet of a socket for the program, which no card does.
// Each relay has a testbed of its own, for the program looks at all that comes to its machine.
void measure_kernel_throughput(const Options& options) {
  if (!options.wants("packets_per_cpu_s_xdp")) return;
  const Arena ours(Testbed::Veths::as_cards);
  const Arena theirs(Testbed::Veths::as_cards);
  std::vector<Contestant> contestants;
  contestants.push_back({&ours, make_lanrage(ours, xdp_settings(options), options.pairs)});
  if (Coturn::installed())
    contestants.push_back(
        {&theirs, make_coturn(theirs, Coturn::Receiver::allocated, options.pairs)});
  contest(contestants, options);
  const double share = median(contestants[0].in_kernel);
  if (share < options.least_in_kernel)
    throw std::runtime_error("only " + std::to_string(share * 100) +
                             " % of the packets were forwarded in the kernel");
  const Contestant* peer = contestants.size() > 1 ? &contestants[1] : nullptr;
  std::optional<Peer> peers_own;
  if (peer != nullptr) peers_own = {peer->relay->name(), 1e9 / median(peer->own)};
  report("packets_per_cpu_s_xdp", 1e9 / live_xdp_packet_ns(options), "packets/CPU-s", peers_own);
  report_cost("packets_per_machine_cpu_s_xdp", contestants[0], peer, &Contestant::machine);
  report("xdp_share", share * 100, "%");
}

}  // namespace lanrage::bench
