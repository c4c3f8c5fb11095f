// How much later a packet arrives by a relay than without one, at rates that leave it time. The
// peers and the way without a relay take turns in each round.
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/report.hpp"
#include "relay/coturn.hpp"
#include "relay/lanrage_relay.hpp"
#include "relay/metrics.hpp"

namespace lanrage::bench {
namespace {

constexpr std::uint64_t kRates[] = {5'000, 20'000, 60'000};  // packets a second

struct Quantiles {
  double p50 = 0;  // us
  double p99 = 0;
};

Quantiles quantiles_of(const LoadResult& result) {
  if (result.latencies.empty()) throw std::runtime_error("no packet came through");
  const std::vector<double> values(result.latencies.begin(), result.latencies.end());
  return {percentile(values, 0.5) / 1e3, percentile(values, 0.99) / 1e3};
}

struct Contestant {
  std::unique_ptr<RelayUnderTest> relay;
  std::vector<double> p50{};  // us more than without a relay
  std::vector<double> p99{};
};

struct Added {
  double ours;
  std::optional<Peer> peer;
  // What the worst of the rates is chosen by.
  double against_peer() const { return peer ? ours / peer->value : ours; }
};

void run_rate(const Options& options, const Load& load, const std::vector<Flow>& direct,
              std::uint64_t rate, std::vector<Contestant>& contestants) {
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const Quantiles without =
        quantiles_of(load.at_rate(direct, rate, options.time / 2, std::nullopt));
    for (Contestant& one : contestants) {
      one.relay->renew();
      const auto result =
          load.at_rate(one.relay->flows(), rate, options.time / 2, one.relay->pid());
      const Quantiles with = quantiles_of(result);
      one.p50.push_back(with.p50 - without.p50);
      one.p99.push_back(with.p99 - without.p99);
      note(
          "  %s, %zu/s: +%.1f us, p99 +%.1f us (without a relay %.1f, %.1f); %.2f us CPU each, "
          "%.0f/s delivered",
          std::string(one.relay->name()).c_str(), static_cast<std::size_t>(rate), one.p50.back(),
          one.p99.back(), without.p50, without.p99, result.per_packet(result.relay_cpu) / 1e3,
          static_cast<double>(result.delivered) / result.seconds);
    }
  }
}

}  // namespace

void measure_latency(const Options& options) {
  if (!options.wants("added_latency_p50_us") && !options.wants("added_latency_p99_us")) return;
  const Testbed testbed;
  const ClientPorts senders(testbed.senders(), Testbed::senders_prefix());
  const ClientPorts receivers(testbed.receivers(), Testbed::receivers_prefix());
  const Load load(senders, receivers);
  std::vector<Flow> direct;
  for (std::size_t i = 0; i < options.pairs; ++i)
    direct.push_back({i, receivers.endpoint(i), {{}, static_cast<std::uint32_t>(i)}});
  std::vector<Contestant> contestants;
  auto ours =
      std::make_unique<LanrageRelay>(testbed, senders, receivers, LanrageSettings{options.server});
  ours->bind(options.pairs);
  ours->shake_hands();
  contestants.push_back({std::move(ours)});
  if (Coturn::installed()) {
    auto peer = std::make_unique<Coturn>(testbed, senders, receivers, Coturn::Receiver::allocated);
    peer->allocate(options.pairs);
    peer->bind_channels();
    contestants.push_back({std::move(peer)});
  }
  const auto added = [&](std::vector<double> Contestant::* values) {
    Added out{median(contestants[0].*values), std::nullopt};
    if (contestants.size() > 1)
      out.peer = {contestants[1].relay->name(), median(contestants[1].*values)};
    return out;
  };
  std::optional<Added> worst;
  for (const std::uint64_t rate : kRates) {
    for (Contestant& one : contestants) {
      one.p50.clear();
      one.p99.clear();
    }
    run_rate(options, load, direct, rate, contestants);
    const std::string at = "_at_" + std::to_string(rate);
    const Added p50 = added(&Contestant::p50);
    const Added p99 = added(&Contestant::p99);
    report("added_latency_p50_us" + at, p50.ours, "us", p50.peer);
    report("added_latency_p99_us" + at, p99.ours, "us", p99.peer);
    if (!worst || p50.against_peer() > worst->against_peer()) worst = p50;
  }
  report("added_latency_p50_us", worst->ours, "us", worst->peer);
}

}  // namespace lanrage::bench
