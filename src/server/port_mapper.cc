#include "server/port_mapper.hpp"

#include <array>
#include <csignal>

namespace lanrage::server {

PortMapper::PortMapper(std::vector<ServerPort> ports, const IpAddress& own,
                       std::function<void(const PortMapping::News&, const MappingRound&)> news)
    : mapping_(std::move(ports), own), news_(std::move(news)) {
  // A thread inherits its mask: SIGTERM must reach whoever waits for it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

PortMapper::~PortMapper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void PortMapper::run() {
  const auto nat_pmp = nat_pmp_gateway();
  const auto upnp = upnp_gateway();
  Gateway* last = nullptr;
  for (;;) {
    std::string why;
    MappingRound round;
    // The one that worked goes first. Where one maps some ports only, the other may map all.
    for (Gateway* gateway : last == upnp.get() ? std::array{upnp.get(), nat_pmp.get()}
                                               : std::array{nat_pmp.get(), upnp.get()}) {
      MappingRound answer = gateway->map(mapping_.ports(), PortMapping::kLifetime);
      why += (why.empty() ? "" : "; ") + answer.reason;
      if (answer.method.empty() || answer.granted.size() < round.granted.size()) continue;
      round = std::move(answer);
      last = gateway;
      if (round.granted.size() == mapping_.ports().size()) break;
    }
    round.reason = why;
    const auto news = mapping_.on_round(round);
    news_(news, round);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, news.ask_again_after, [this] { return stopping_; });
    if (stopping_) break;
  }
  if (last) last->unmap(mapping_.ports());
}

}  // namespace lanrage::server
