// What a whole packet costs, kernel and all, when the relay knows very many sessions, and packets
// come for any of them: against packets for a thousandth of them, at the same relay.
#include <algorithm>
#include <random>
#include <vector>

#include "common/report.hpp"
#include "relay/lanrage_relay.hpp"
#include "relay/metrics.hpp"

namespace lanrage::bench {
namespace {

constexpr std::size_t kSessionsAPair = 250;  // a client may have 256

}  // namespace

void measure_growth(const Options& options) {
  if (!options.wants("packet_growth_1m")) return;
  const Testbed testbed;
  const ClientPorts senders(testbed.senders(), Testbed::senders_prefix());
  const ClientPorts receivers(testbed.receivers(), Testbed::receivers_prefix());
  const Load load(senders, receivers);
  LanrageRelay relay(testbed, senders, receivers, {options.server});
  const std::size_t a_pair = std::min(kSessionsAPair, options.sessions / ClientPorts::kSockets);
  relay.clients().bind(std::max(ClientPorts::kSockets, options.sessions / a_pair));
  note("growth: telling %zu routes", options.sessions);
  relay.clients().tell_routes(a_pair);
  std::vector<Flow> all = relay.flows();
  std::ranges::shuffle(all, std::mt19937_64(1));
  const auto few_count = std::max(4 * ClientPorts::kSockets, all.size() / 1000);
  const std::vector<Flow> few(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(few_count));
  std::vector<double> many_ns;
  std::vector<double> few_ns;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    // Sessions told last 200 s, and this takes less.
    const auto cost = [&](const std::vector<Flow>& flows) {
      const auto result = load.saturate(flows, options.window, options.time / 2, relay.pid());
      return result.per_packet(result.relay_cpu);
    };
    few_ns.push_back(cost(few));
    many_ns.push_back(cost(all));
    note("  %.2f us a packet of %zu sessions, %.2f of %zu", few_ns.back() / 1e3, few.size(),
         many_ns.back() / 1e3, all.size());
  }
  report("packet_growth_1m", median(many_ns) / median(few_ns), "times");
}

}  // namespace lanrage::bench
