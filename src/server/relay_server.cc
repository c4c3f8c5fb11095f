#include "server/relay_server.hpp"

#include <algorithm>

namespace lanrage::server {
namespace {

// Then others' turn comes (the timer, the end); a full socket is polled again at once.
constexpr int kBatchesATurn = 16;

// Sessions in use at a time; memory is taken as they come. Beyond it, they go by the socket.
constexpr std::size_t kLeasesAClient = 16;
constexpr std::size_t kMostLeases = 1'000'000;

}  // namespace

Result<std::unique_ptr<RelayServer>> RelayServer::start(const RelayServerConfig& config) {
  auto socket = UdpSocket::open(config.listen, "--relay-listen");
  if (!socket) return std::unexpected(socket.error());
  crypto::SystemRandom random;
  std::unique_ptr<RelayServer> server(new RelayServer(std::move(*socket), config.relay, random));
  RelayServer* self = server.get();
  if (config.xdp) self->open_xdp(*config.xdp, config.relay.limits);
  auto worker = UdpWorker::start(
      {&self->socket_},
      {.readable = [self](std::size_t, const UdpTimes& times) { self->on_readable(times); },
       .every_second =
           [self](const UdpTimes& times) {
             self->relay_.on_timeout(times.now);
             self->publish();
           }});
  if (!worker) return std::unexpected(worker.error());
  server->worker_ = std::move(*worker);
  return server;
}

RelayServer::RelayServer(UdpSocket socket, const relay::RelayConfig& config, Random& random)
    : socket_(std::move(socket)), relay_(config, random) {}

void RelayServer::open_xdp(xdp::Mode mode, const relay::Limits& limits) {
  const auto sessions = std::clamp<std::size_t>(limits.clients * kLeasesAClient, 1, kMostLeases);
  auto opened = xdp::XdpPath::open({.mode = mode, .listen = socket_.local(), .sessions = sessions});
  if (!opened) {
    xdp_refusal_ = opened.error();
    return;
  }
  xdp_ = std::move(*opened);
  relay_.set_fast_path(*xdp_);
}

void RelayServer::stop() {
  worker_.reset();
}

void RelayServer::set_token_key(const crypto::VerifyKey& key) {
  const std::lock_guard lock(key_mutex_);
  next_key_ = key;
  has_next_key_ = true;
}

void RelayServer::adopt_token_key() {
  if (!has_next_key_) return;
  const std::lock_guard lock(key_mutex_);
  relay_.set_token_key(*next_key_);
  has_next_key_ = false;
}

void RelayServer::on_readable(const UdpTimes& times) {
  adopt_token_key();
  for (int turn = 0; turn < kBatchesATurn; ++turn) {
    auto received = batch_.receive(socket_);
    for (const auto& datagram : received) {
      auto verdict = relay_.on_packet(times.now, times.unix_now, datagram.from, datagram.bytes,
                                      datagram.local);
      switch (verdict.kind) {
        case relay::Verdict::Kind::drop:
          break;
        case relay::Verdict::Kind::forward:
          batch_.queue(socket_, verdict.to, verdict.local, datagram.bytes);
          break;
        case relay::Verdict::Kind::reply: {
          // No larger than what came, so it fits in its place.
          std::ranges::copy(verdict.reply, datagram.buffer.begin());
          batch_.queue(socket_, verdict.to, verdict.local,
                       datagram.buffer.first(verdict.reply.size()));
          break;
        }
      }
    }
    batch_.send(socket_);
    if (received.size() < UdpBatch::kDatagrams) break;
  }
  publish();
}

void RelayServer::publish() {
  std::lock_guard lock(counters_mutex_);
  published_ = {relay_.counters(), batch_.counters(), {}, relay_.clients(), relay_.sessions()};
}

RelayServer::Counters RelayServer::counters() const {
  Counters out;
  {
    const std::lock_guard lock(counters_mutex_);
    out = published_;
  }
  if (xdp_) out.xdp = xdp_->counters();
  out.relay.forwarded_packets += out.xdp.packets;
  out.relay.forwarded_bytes += out.xdp.bytes;
  return out;
}

}  // namespace lanrage::server
