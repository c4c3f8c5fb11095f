#include "agent/probe_socket.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/clock.hpp"
#include "agent/joining.hpp"
#include "io/address.hpp"

namespace lanrage::agent {

namespace asio = boost::asio;
using boost::system::error_code;

Result<std::shared_ptr<ProbeSocket>> ProbeSocket::open(asio::io_context& io) {
  std::shared_ptr<ProbeSocket> self(new ProbeSocket(io));
  auto& [v4, v6] = self->sockets_;
  error_code failed;
  v4.open(Udp::v4(), failed);
  if (!failed) v4.bind({Udp::v4(), 0}, failed);
  if (!failed) v4.non_blocking(true, failed);
  if (failed) return fail(JoinErrc::no_socket, "cannot open a UDP socket: " + failed.message());
  self->port_ = v4.local_endpoint().port();
  v6.open(Udp::v6(), failed);
  if (!failed) v6.set_option(asio::ip::v6_only(true), failed);
  if (!failed) v6.bind({Udp::v6(), self->port_}, failed);
  if (!failed) v6.non_blocking(true, failed);
  error_code ignored;
  if (failed) v6.close(ignored);
  return self;
}

void ProbeSocket::send_all(stun::Datagrams& datagrams) {
  for (const auto& datagram : datagrams) {
    auto& socket = sockets_[datagram.to.address.is_v6()];
    error_code lost;
    if (socket.is_open())
      socket.send_to(asio::buffer(datagram.bytes), io::to_asio<Udp>(datagram.to), 0, lost);
  }
  datagrams.clear();
}

std::optional<ProbeSocket::Datagram> ProbeSocket::receive() {
  for (auto& socket : sockets_) {
    if (!socket.is_open()) continue;
    Udp::endpoint from;
    error_code nothing;
    const auto size = socket.receive_from(asio::buffer(buffer_), from, 0, nothing);
    if (!nothing) return Datagram{io::from_asio(from), ByteView(buffer_).first(size)};
  }
  return std::nullopt;
}

asio::awaitable<void> ProbeSocket::wait(Instant deadline) {
  readable_.expires_after(deadline - monotonic_now());
  for (auto& socket : sockets_)
    if (socket.is_open())
      socket.async_wait(Udp::socket::wait_read,
                        [self = shared_from_this()](const error_code& cancelled) {
                          if (!cancelled) self->readable_.cancel();
                        });
  error_code cancelled;
  auto token = asio::redirect_error(asio::use_awaitable, cancelled);
  co_await readable_.async_wait(token);
  error_code ignored;
  for (auto& socket : sockets_)
    if (socket.is_open()) socket.cancel(ignored);
}

}  // namespace lanrage::agent
