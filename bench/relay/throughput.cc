// What a delivered packet costs at saturation. The peers take turns in each round, so that
// whatever else the machine does meets all of them.
#include <memory>
#include <stdexcept>
#include <vector>

#include "common/report.hpp"
#include "relay/coturn.hpp"
#include "relay/lanrage_relay.hpp"
#include "relay/metrics.hpp"

namespace lanrage::bench {
namespace {

double per_second(double ns) {
  return 1e9 / ns;
}

struct Contestant {
  std::unique_ptr<RelayUnderTest> relay;
  std::size_t window;
  std::vector<double> own{};      // ns of the relay's processor time a packet
  std::vector<double> machine{};  // the same of all, less what the load costs without a relay
  std::size_t delivered_size = 0;
};

// Both ends of the load without a relay between them: ns a packet.
double cost_of_load(const Load& load, const ClientPorts& receivers, const Options& options) {
  std::vector<Flow> flows;
  for (std::size_t i = 0; i < options.pairs; ++i)
    flows.push_back({i, receivers.endpoint(i), {{}, static_cast<std::uint32_t>(i)}});
  const auto result = load.saturate(flows, options.window, options.time / 2, std::nullopt);
  return result.per_packet(result.all_cpu);
}

void print(const char* metric, const Contestant& ours, const Contestant* peer,
           std::vector<double> Contestant::* cost) {
  std::optional<Peer> other;
  if (peer != nullptr) other = {peer->relay->name(), per_second(median(peer->*cost))};
  report(metric, per_second(median(ours.*cost)), "packets/CPU-s", other);
}

}  // namespace

void measure_throughput(const Options& options) {
  if (!options.wants("packets_per_cpu_s_userspace") &&
      !options.wants("packets_per_machine_cpu_s_userspace") && !options.wants("overhead_bytes"))
    return;
  const Testbed testbed;
  const ClientPorts senders(testbed.senders(), Testbed::senders_prefix());
  const ClientPorts receivers(testbed.receivers(), Testbed::receivers_prefix());
  const Load load(senders, receivers);
  std::vector<Contestant> contestants;
  {
    auto ours = std::make_unique<LanrageRelay>(testbed, senders, receivers,
                                               LanrageSettings{options.server});
    ours->bind(options.pairs);
    ours->shake_hands();
    contestants.push_back({std::move(ours), options.window});
  }
  if (Coturn::installed()) {
    for (const auto receiver : {Coturn::Receiver::allocated, Coturn::Receiver::plain}) {
      auto peer = std::make_unique<Coturn>(testbed, senders, receivers, receiver);
      peer->allocate(options.pairs);
      peer->bind_channels();
      contestants.push_back({std::move(peer), options.window});
    }
  }
  if (options.other_server) {
    auto other = std::make_unique<LanrageRelay>(
        testbed, senders, receivers, LanrageSettings{*options.other_server, {}, "other", 51830});
    other->bind(options.pairs);
    other->shake_hands();
    contestants.push_back({std::move(other), options.window});
  }
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const double load_ns = cost_of_load(load, receivers, options);
    for (Contestant& one : contestants) {
      one.relay->renew();
      const auto result =
          load.saturate(one.relay->flows(), one.window, options.time, one.relay->pid());
      if (result.delivered == 0)
        throw std::runtime_error(std::string(one.relay->name()) + " delivered nothing");
      one.own.push_back(result.per_packet(result.relay_cpu));
      one.machine.push_back(result.per_packet(result.all_cpu) - load_ns);
      one.delivered_size = result.delivered_size;
      note("  %s: %.0f packets/s, %.2f us each (all: %.2f, the load alone: %.2f), lost %.2f %%",
           std::string(one.relay->name()).c_str(),
           static_cast<double>(result.delivered) / result.seconds, one.own.back() / 1e3,
           result.per_packet(result.all_cpu) / 1e3, load_ns / 1e3,
           100 * static_cast<double>(result.lost) / static_cast<double>(result.sent));
    }
  }
  const Contestant& ours = contestants[0];
  const Contestant* peer = Coturn::installed() ? &contestants[1] : nullptr;
  print("packets_per_cpu_s_userspace", ours, peer, &Contestant::own);
  print("packets_per_machine_cpu_s_userspace", ours, peer, &Contestant::machine);
  if (peer != nullptr) {
    print("packets_per_cpu_s_userspace_one_allocation", ours, &contestants[2], &Contestant::own);
    print("packets_per_machine_cpu_s_userspace_one_allocation", ours, &contestants[2],
          &Contestant::machine);
  }
  if (options.other_server) {
    print("packets_per_cpu_s_against_other", ours, &contestants.back(), &Contestant::own);
    print("packets_per_machine_cpu_s_against_other", ours, &contestants.back(),
          &Contestant::machine);
  }
  std::optional<Peer> overhead;
  if (peer != nullptr)
    overhead = {peer->relay->name(), static_cast<double>(peer->delivered_size - kMessageSize)};
  report("overhead_bytes", static_cast<double>(ours.delivered_size - kMessageSize), "bytes",
         overhead);
}

}  // namespace lanrage::bench
