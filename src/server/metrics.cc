#include "server/metrics.hpp"

#include <algorithm>
#include <numeric>

namespace lanrage::server {
namespace {

// By the enums' values.
constexpr std::array<std::string_view, 3> kResumed{"nothing", "journal", "snapshot"};
constexpr std::array<std::string_view, 5> kRemoved{"tokens", "relays", "parties", "signals",
                                                   "offline"};
constexpr std::array<std::string_view, 10> kRateLimits{
    "address", "registrations", "words",   "peer", "messages",
    "signals", "creations",     "updates", "keys", "handed_back"};
constexpr std::array<std::string_view, 4> kSignals{"delivered", "queued", "refused", "displaced"};

template <std::size_t kSize>
void write(Exposition& out, std::string_view label,
           const std::array<std::string_view, kSize>& names,
           const std::array<std::uint64_t, kSize>& values) {
  for (std::size_t i = 0; i < kSize; ++i)
    out.sample({{label, names[i]}}, values[i]);
}

void write(Exposition& out, std::string_view label, const ByName<Counter>& counters) {
  for (const auto& [name, counter] : counters)
    out.sample({{label, name}}, counter.value());
}

}  // namespace

void LatencyHistogram::observe(Duration took) {
  const double seconds = std::chrono::duration<double>(took).count();
  ++counts_[static_cast<std::size_t>(std::ranges::lower_bound(kBounds, seconds) - kBounds.begin())];
  sum_ += seconds;
}

std::uint64_t LatencyHistogram::count() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

void LatencyHistogram::write(Exposition& out, Exposition::Labels labels) const {
  out.histogram_sample(labels, kBounds, counts_, sum_);
}

Metrics::Metrics(std::string version) : version_(std::move(version)) {
  add_route("", "none");  // kNoRoute
}

Metrics::RouteId Metrics::add_route(std::string_view method, std::string_view pattern) {
  routes_.push_back({std::string(method), std::string(pattern), {}});
  return routes_.size() - 1;
}

void Metrics::answered(RouteId route, int status) {
  auto& by_status = routes_.at(route).by_status;
  for (auto& [known, count] : by_status) {
    if (known != status) continue;
    ++count;
    return;
  }
  by_status.emplace_back(status, 1);
}

void Metrics::add_source(std::function<void(Exposition&)> source) {
  sources_.push_back(std::move(source));
}

std::string Metrics::text() const {
  Exposition out;
  out.begin("build_info", "gauge", "Always 1; what runs here stands in the labels.");
  out.sample({{"version", version_}, {"compiler", __VERSION__}}, std::uint64_t{1});

  out.begin("http_requests_total", "counter", "Requests answered, by route and status.");
  for (const auto& route : routes_)
    for (const auto& [status, count] : route.by_status)
      out.sample(
          {{"method", route.method}, {"route", route.pattern}, {"code", std::to_string(status)}},
          count);
  out.begin("websocket_messages_total", "counter", "WebSocket messages received, by type.");
  write(out, "type", websocket_messages);

  out.begin("command_seconds", "histogram",
            "From a command's arrival to its durable answer, by command.");
  for (const auto& [name, seconds] : command_seconds)
    seconds.write(out, {{"command", name}});
  out.counter("events_total", "Events committed to parties' journals.", events.value());
  out.counter(
      "prover_overflows_total",
      "Commands whose signatures the control loop checked: the prover had too many waiting.",
      prover_overflows.value());

  out.begin("resumes_total", "counter", "Resumed subscriptions, by what the client was sent.");
  write(out, "how", kResumed, resumed_);
  out.counter("divergence_total", "Heartbeats whose digest differed from the server's.",
              divergences.value());
  out.counter("queue_overflows_total", "Queues of slow clients that were replaced by one snapshot.",
              queue_overflows.value());
  out.counter("sessions_refused_total", "WebSockets turned away by admission control.",
              sessions_refused.value());
  out.begin("signals_total", "counter", "Signals between members, by what became of them.");
  write(out, "fate", kSignals, signals_);

  out.begin("cleanup_removed_total", "counter", "What cleanup removed or put offline.");
  write(out, "what", kRemoved, removed_);
  out.begin("rate_limited_total", "counter", "Refusals by a token bucket, by limit.");
  write(out, "limit", kRateLimits, rate_limited_);
  out.begin("refused_total", "counter", "Refusals told to callers, by the error's code.");
  write(out, "reason", refused_);

  for (const auto& source : sources_)
    source(out);
  return out.take();
}

}  // namespace lanrage::server
