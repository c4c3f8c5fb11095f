#include "agent/network_monitor.hpp"

#include <utility>

#include "agent/clock.hpp"
#include "io/clock.hpp"

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 1s;
// An address, its routes and the default route come one after the other; many at once from others'
// programs cost us a look each time.
constexpr auto kHintsTogether = 100ms;
constexpr int kLookWatched = 30;   // ticks, should the kernel's word have been lost
constexpr int kLookUnwatched = 2;  // ticks

}  // namespace

NetworkMonitor::Machine NetworkMonitor::this_machine() {
  return {network_place, [] { return SleepWatch::Clocks{monotonic_now(), io::monotonic_now()}; }};
}

NetworkMonitor::NetworkMonitor(boost::asio::io_context& io, io::Log& log, Machine machine)
    : log_(log),
      machine_(std::move(machine)),
      place_(machine_.place()),
      hint_timer_(io),
      tick_timer_(io) {
  sleep_.slept(machine_.clocks());
  auto watch = io::NetworkWatch::open(io, [this] { on_hint(); });
  if (watch)
    watch_ = std::move(*watch);
  else
    log_.warning("network_watch", {{"detail", watch.error().message()}});
  tick();
}

std::unique_ptr<NetworkMonitor::Subscription> NetworkMonitor::subscribe(Listener listener) {
  listeners_.emplace(++next_id_, std::move(listener));
  return std::make_unique<Subscription>(*this, next_id_);
}

void NetworkMonitor::on_hint() {
  if (std::exchange(hinted_, true)) return;
  hint_timer_.expires_after(kHintsTogether);
  hint_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    hinted_ = false;
    look_now();
  });
}

void NetworkMonitor::tick() {
  tick_timer_.expires_after(kTick);
  tick_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    const bool slept = sleep_.slept(machine_.clocks());
    if (slept || ++ticks_ >= (watch_ ? kLookWatched : kLookUnwatched)) look(slept);
    tick();
  });
}

void NetworkMonitor::look_now() {
  look(sleep_.slept(machine_.clocks()));
}

void NetworkMonitor::look(bool slept) {
  ticks_ = 0;
  auto place = machine_.place();
  const bool changed = place != place_;
  place_ = std::move(place);
  if (changed) tell(&Listener::on_addresses);
  if (place_.empty() || !(changed || slept)) return;
  log_.info("network_changed", {{"slept", slept ? "true" : "false"},
                                {"address", place_.addresses.front().to_string()}});
  tell(&Listener::on_moved);
}

// What a listener does may end subscriptions, its own too.
void NetworkMonitor::tell(const std::function<void()> Listener::* what) {
  std::vector<std::uint64_t> ids;
  ids.reserve(listeners_.size());
  for (const auto& [id, listener] : listeners_)
    ids.push_back(id);
  for (const auto id : ids) {
    const auto found = listeners_.find(id);
    if (found == listeners_.end()) continue;
    const auto call = found->second.*what;
    if (call) call();
  }
}

}  // namespace lanrage::agent
