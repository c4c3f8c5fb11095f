#include "server/relay_server.hpp"

#include <algorithm>
#include <mutex>
#include <sched.h>

#include "io/clock.hpp"

namespace lanrage::server {
namespace {

// Sessions in use at a time: what is more goes by the socket. Each takes 288 bytes of memory, from
// the beginning (xdp/relay_xdp.h).
constexpr std::size_t kLeasesAClient = 8;
constexpr std::size_t kMostLeases = 1'000'000;

}  // namespace

std::size_t usable_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::clamp(CPU_COUNT(&set), 1, 256));
}

Result<std::unique_ptr<RelayServer>> RelayServer::start(const RelayServerConfig& config) {
  const std::size_t count = std::max<std::size_t>(config.threads, 1);
  auto sockets = UdpSocket::open_several(config.listen, "--relay-listen", count);
  if (!sockets) return std::unexpected(sockets.error());
  const RelayTrains trains = config.usable_trains();
  for (auto& socket : *sockets) {
    if (trains.receive) socket.receive_trains();
    if (trains.send) socket.send_trains();
  }
  crypto::SystemRandom random;
  auto shards = relay::Relay::shards(config.relay, random, static_cast<std::uint32_t>(count));
  std::unique_ptr<RelayServer> server(new RelayServer());
  for (std::size_t i = 0; i < count; ++i) {
    auto inbox = ShardInbox::open();
    if (!inbox) return std::unexpected(inbox.error());
    server->inboxes_.push_back(std::move(*inbox));
  }
  for (std::size_t i = 0; i < count; ++i)
    server->threads_.push_back(std::make_unique<RelayThread>(
        std::move((*sockets)[i]), std::move(shards[i]), server->inboxes_, i));
  if (config.xdp) server->open_xdp(*config.xdp, config.relay.limits);
  for (const auto& thread : server->threads_)
    if (auto started = thread->start(); !started) return std::unexpected(started.error());
  return server;
}

void RelayServer::open_xdp(xdp::Mode mode, const relay::Limits& limits) {
  const auto sessions = std::clamp<std::size_t>(limits.clients * kLeasesAClient, 1, kMostLeases);
  auto opened = xdp::XdpPath::open({.mode = mode, .listen = endpoint(), .sessions = sessions});
  if (!opened) {
    xdp_refusal_ = opened.error();
    return;
  }
  xdp_ = std::move(*opened);
  for (const auto& thread : threads_)
    thread->set_fast_path(*xdp_);
}

void RelayServer::stop() {
  for (const auto& thread : threads_)
    thread->stop();
}

RelayServer::Counters RelayServer::counters() const {
  Counters out;
  for (const auto& thread : threads_) {
    const auto counters = thread->counters();
    out.relay += counters.relay;
    out.udp += counters.udp;
    out.passed += counters.passed;
    out.sessions += counters.sessions;
    out.latency += counters.latency;
    out.cpu_seconds.push_back(counters.cpu_seconds);
  }
  out.clients = threads_.front()->counters().clients;
  if (xdp_) out.xdp = xdp_->counters();
  out.relay.forwarded_packets += out.xdp.packets;
  out.relay.forwarded_bytes += out.xdp.bytes;
  return out;
}

void RelayServer::look(std::move_only_function<void(Look)> done) {
  struct Gathering {
    std::mutex mutex;
    std::size_t awaited;
    Look look;
    std::move_only_function<void(Look)> done;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->awaited = threads_.size();
  gathering->done = std::move(done);
  for (const auto& thread : threads_)
    thread->look([this, gathering](std::vector<relay::ClientTraffic> clients) {
      const std::lock_guard lock(gathering->mutex);
      auto& all = gathering->look.clients;
      all.insert(all.end(), clients.begin(), clients.end());
      if (--gathering->awaited != 0) return;
      gathering->look.counters = counters();
      gathering->look.at = io::monotonic_now();
      gathering->done(std::move(gathering->look));
    });
}

}  // namespace lanrage::server
