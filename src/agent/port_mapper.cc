#include "agent/port_mapper.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "agent/clock.hpp"
#include "portmap/default_gateway.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr Duration kNothingToDo = 1h;  // whatever comes up wakes the thread

}  // namespace

PortMapper::Options PortMapper::defaults(const portmap::NonceKey& key) {
  return {portmap::all_gateways(key), [] {
            const auto own = portmap::own_address();
            return own && own->is_private();
          }};
}

PortMapper::PortMapper(asio::io_context& io, Options options, io::Log& log)
    : io_(io),
      log_(log),
      is_behind_router_(std::move(options.is_behind_router)),
      router_(std::move(options.gateways)),
      thread_([this](const std::stop_token& stop) { return work(stop); },
              [this] { router_.unmap_all(); }) {}

PortMapper::~PortMapper() = default;

std::unique_ptr<PortMapper::Lease> PortMapper::map(std::uint16_t port, Listener listener) {
  listeners_->insert_or_assign(port, std::move(listener));
  {
    const std::lock_guard lock(mutex_);
    leases_.want(port);
  }
  thread_.wake();
  return std::make_unique<Lease>(*this, port);
}

void PortMapper::release(std::uint16_t port) {
  listeners_->erase(port);
  {
    const std::lock_guard lock(mutex_);
    leases_.release(port);
  }
  thread_.wake();
}

void PortMapper::ask_anew() {
  {
    const std::lock_guard lock(mutex_);
    leases_.ask_anew();
  }
  thread_.wake();
}

Duration PortMapper::work(const std::stop_token& stop) {
  std::vector<portmap::Port> released;
  std::vector<portmap::Wish> wishes;
  {
    const std::lock_guard lock(mutex_);
    released = leases_.take_released();
    wishes = leases_.take_due(monotonic_now());
  }
  if (!released.empty()) router_.unmap(released);
  News news;
  if (!wishes.empty()) {
    portmap::Round round;
    const bool asked = is_behind_router_();
    if (asked) round = router_.map(wishes, PortLeases::kLifetime, stop);
    if (stop.stop_requested()) return {};
    const std::lock_guard lock(mutex_);
    const auto now = monotonic_now();
    news.changes = asked ? leases_.on_round(now, wishes, round) : leases_.on_no_router(now, wishes);
    news.router_restarted = round.router_restarted;
    if (round.granted.size() < wishes.size()) news.reason = std::move(round.reason);
  }
  if (!wishes.empty()) post(std::move(news));
  const std::lock_guard lock(mutex_);
  const auto next = leases_.next_at();
  return next ? std::max<Duration>(*next - monotonic_now(), Duration(0)) : kNothingToDo;
}

void PortMapper::post(News news) {
  asio::post(io_, [this, alive = std::weak_ptr(listeners_), news = std::move(news)] {
    if (alive.lock()) tell(news);
  });
}

void PortMapper::tell(const News& news) {
  if (news.router_restarted) log_.info("router_restarted");
  if (!news.reason.empty() && news.reason != last_reason_)
    log_.info("ports_not_mapped", {{"reason", news.reason}});
  last_reason_ = news.reason;
  for (const auto& [port, mapping] : news.changes) {
    const auto listener = listeners_->find(port);
    if (listener == listeners_->end()) continue;
    if (mapping)
      log_.info("port_mapped", {{"port", std::to_string(port)},
                                {"by", std::string(portmap::title_of(mapping->method))},
                                {"address", mapping->address ? mapping->address->to_string() : ""},
                                {"external", std::to_string(mapping->external)}});
    else
      log_.info("port_mapping_gone", {{"port", std::to_string(port)}});
    // A copy: it may end the lease that it is about.
    const auto call = listener->second;
    call(mapping);
  }
}

}  // namespace lanrage::agent
