// How much later a packet arrives by a relay than without one, at rates that leave it time. The
// peers and the way without a relay take turns in each round.
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/report.hpp"
#include "relay/contest.hpp"

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

struct Timed {
  const Arena* arena;
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

void run_rate(const Options& options, std::uint64_t rate, std::vector<Timed>& contestants) {
  for (Timed& one : contestants) {
    one.p50.clear();
    one.p99.clear();
  }
  for (std::size_t round = 0; round < options.rounds; ++round) {
    std::map<const Arena*, Quantiles> without_relay;
    for (Timed& one : contestants) {
      const Load& load = one.arena->load;
      const auto direct = direct_flows(*one.arena, options.pairs);
      if (!without_relay.contains(one.arena))
        without_relay[one.arena] =
            quantiles_of(load.at_rate(direct, rate, options.time / 2, std::nullopt));
      const Quantiles without = without_relay[one.arena];
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

// The first against the second, if there is one.
void measure(const Options& options, const std::string& kind, std::vector<Timed>& contestants) {
  const auto added = [&](std::vector<double> Timed::* values) {
    Added out{median(contestants[0].*values), std::nullopt};
    if (contestants.size() > 1)
      out.peer = {contestants[1].relay->name(), median(contestants[1].*values)};
    return out;
  };
  std::optional<Added> worst;
  for (const std::uint64_t rate : kRates) {
    run_rate(options, rate, contestants);
    const std::string at = kind + "_at_" + std::to_string(rate);
    const Added p50 = added(&Timed::p50);
    const Added p99 = added(&Timed::p99);
    report("added_latency_p50_us" + at, p50.ours, "us", p50.peer);
    report("added_latency_p99_us" + at, p99.ours, "us", p99.peer);
    if (!worst || p50.against_peer() > worst->against_peer()) worst = p50;
  }
  report("added_latency_p50_us" + kind, worst->ours, "us", worst->peer);
}

}  // namespace

void measure_latency(const Options& options) {
  if (!options.wants("added_latency_p50_us") && !options.wants("added_latency_p99_us")) return;
  const Arena arena;
  std::vector<Timed> contestants;
  contestants.push_back({&arena, make_lanrage(arena, {options.server}, options.pairs)});
  if (Coturn::installed())
    contestants.push_back({&arena, make_coturn(arena, Coturn::Receiver::allocated, options.pairs)});
  measure(options, "", contestants);
}

void measure_kernel_latency(const Options& options) {
  if (!options.wants("added_latency_p50_us_xdp") && !options.wants("added_latency_p50_us")) return;
  const Arena ours(Testbed::Veths::as_cards);
  const Arena theirs(Testbed::Veths::as_cards);
  std::vector<Timed> contestants;
  contestants.push_back({&ours, make_lanrage(ours, xdp_settings(options), options.pairs)});
  if (Coturn::installed())
    contestants.push_back(
        {&theirs, make_coturn(theirs, Coturn::Receiver::allocated, options.pairs)});
  measure(options, "_xdp", contestants);
}

}  // namespace lanrage::bench
