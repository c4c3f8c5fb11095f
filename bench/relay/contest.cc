#include "relay/contest.hpp"

#include <map>
#include <stdexcept>
#include <string>

#include "common/report.hpp"

namespace lanrage::bench {
namespace {

double per_second(double ns) {
  return 1e9 / ns;
}

}  // namespace

double cost_of_load(const Arena& arena, const Options& options) {
  const auto result = arena.load.saturate(direct_flows(arena, options.pairs), options.window,
                                          options.time / 2, std::nullopt);
  return result.per_packet(result.all_cpu);
}

void run_round(Contestant& one, double load_ns, const Options& options) {
  RelayUnderTest& relay = *one.relay;
  relay.renew();
  const auto before = relay.forwarded_in_kernel();
  const auto result =
      one.arena->load.saturate(relay.flows(), options.window, options.time, relay.pid());
  const auto in_kernel = relay.forwarded_in_kernel() - before;
  if (result.delivered == 0)
    throw std::runtime_error(std::string(relay.name()) + " delivered nothing");
  one.own.push_back(result.per_packet(result.relay_cpu));
  one.machine.push_back(result.per_packet(result.all_cpu) - load_ns);
  // Of all that it forwarded, before and after the measured time as well.
  one.in_kernel.push_back(static_cast<double>(in_kernel) / static_cast<double>(result.arrived));
  one.delivered_size = result.delivered_size;
  one.delivered.push_back(static_cast<double>(result.delivered) / result.seconds);
  note("  %s: %.0f packets/s, %.2f us each (all: %.2f, the load alone: %.2f), lost %.2f %%",
       std::string(relay.name()).c_str(), static_cast<double>(result.delivered) / result.seconds,
       one.own.back() / 1e3, result.per_packet(result.all_cpu) / 1e3, load_ns / 1e3,
       100 * static_cast<double>(result.lost) / static_cast<double>(result.sent));
}

std::vector<Flow> direct_flows(const Arena& arena, std::size_t pairs) {
  std::vector<Flow> flows;
  flows.reserve(pairs);
  for (std::size_t i = 0; i < pairs; ++i)
    flows.push_back({i, arena.receivers.endpoint(i), {{}, static_cast<std::uint32_t>(i)}});
  return flows;
}

std::unique_ptr<RelayUnderTest> make_lanrage(const Arena& arena, const LanrageSettings& settings,
                                             std::size_t pairs) {
  auto relay =
      std::make_unique<LanrageRelay>(arena.testbed, arena.senders, arena.receivers, settings);
  relay->clients().bind(pairs);
  relay->clients().shake_hands();
  return relay;
}

LanrageSettings xdp_settings(const Options& options) {
  return {.program = options.server, .name = "lanrage-xdp", .in_kernel = true};
}

std::unique_ptr<RelayUnderTest> make_coturn(const Arena& arena, Coturn::Receiver receiver,
                                            std::size_t pairs) {
  auto relay = std::make_unique<Coturn>(arena.testbed, arena.senders, arena.receivers, receiver);
  relay->allocate(pairs);
  relay->bind_channels();
  return relay;
}

void contest(std::vector<Contestant>& contestants, const Options& options) {
  for (std::size_t round = 0; round < options.rounds; ++round) {
    std::map<const Arena*, double> load_ns;
    for (const Contestant& one : contestants)
      if (!load_ns.contains(one.arena)) load_ns[one.arena] = cost_of_load(*one.arena, options);
    for (Contestant& one : contestants)
      run_round(one, load_ns[one.arena], options);
  }
}

void report_cost(const char* metric, const Contestant& ours, const Contestant* peer,
                 std::vector<double> Contestant::* cost) {
  std::optional<Peer> other;
  if (peer != nullptr) other = {peer->relay->name(), per_second(median(peer->*cost))};
  report(metric, per_second(median(ours.*cost)), "packets/CPU-s", other);
}

}  // namespace lanrage::bench
