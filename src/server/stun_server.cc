#include "server/stun_server.hpp"

#include <algorithm>

#include "crypto/keys.hpp"
#include "stun/responder.hpp"

namespace lanrage::server {

Result<std::unique_ptr<StunServer>> StunServer::start(const StunServerConfig& config) {
  constexpr std::string_view kFlag = "--stun-listen";
  auto primary = UdpSocket::open(config.listen, kFlag);
  if (!primary) return std::unexpected(primary.error());
  if (config.listen.port == 65535) {
    return fail(UdpErrc::socket_failed,
                "STUN needs its port and the next one: choose a port below 65535 with "
                "--stun-listen ADDR:PORT",
                std::string(kFlag));
  }
  Endpoint second = config.listen;
  if (second.port != 0) ++second.port;
  auto alternate = UdpSocket::open(second, kFlag);
  if (!alternate) return std::unexpected(alternate.error());

  crypto::SystemRandom random;
  std::unique_ptr<StunServer> server(new StunServer(std::move(*primary), std::move(*alternate),
                                                    config.requests_an_address, random.u64()));
  StunServer* self = server.get();
  auto worker = UdpWorker::start(
      {&self->sockets_[0], &self->sockets_[1]},
      {.readable = [self](std::size_t at, const UdpTimes& times) { self->on_readable(at, times); },
       .every_second = [](const UdpTimes&) {}});
  if (!worker) return std::unexpected(worker.error());
  server->worker_ = std::move(*worker);
  return server;
}

StunServer::StunServer(UdpSocket primary, UdpSocket alternate, const relay::Rate& rate,
                       std::uint64_t seed)
    : sockets_{std::move(primary), std::move(alternate)}, pacer_(rate, seed) {}

void StunServer::stop() {
  worker_.reset();
}

void StunServer::on_readable(std::size_t at, const UdpTimes& times) {
  const UdpSocket& socket = sockets_[at];
  const UdpSocket& other = sockets_[1 - at];
  for (const auto& datagram : batch_.receive(socket)) {
    if (!pacer_.take(times.now, datagram.from.address, 1)) {
      ++counters_.rate_limited;
      continue;
    }
    stun::ServerAddresses addresses{Endpoint{datagram.local, socket.local().port},
                                    Endpoint{datagram.local, other.local().port}};
    auto reply = stun::respond(datagram.bytes, datagram.from, addresses);
    if (!reply) {
      ++counters_.ignored;
      continue;
    }
    ++counters_.answered;
    std::ranges::copy(reply->bytes, datagram.buffer.begin());
    ByteView bytes = datagram.buffer.first(reply->bytes.size());
    if (reply->from_other_port) {
      other_port_.queue(other, datagram.from, datagram.local, bytes);
    } else {
      batch_.queue(socket, datagram.from, datagram.local, bytes);
    }
  }
  batch_.send(socket);
  other_port_.send(other);

  std::lock_guard lock(counters_mutex_);
  published_ = counters_;
  published_.udp = batch_.counters();
  published_.udp.sent += other_port_.counters().sent;
  published_.udp.send_failures += other_port_.counters().send_failures;
}

StunServer::Counters StunServer::counters() const {
  std::lock_guard lock(counters_mutex_);
  return published_;
}

}  // namespace lanrage::server
