#include "agent/member_channel.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cstring>
#include <net/if.h>
#include <sys/socket.h>

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

udp::endpoint endpoint_of(const IpAddress& address) {
  asio::ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), address.bytes().data(), bytes.size());
  return {asio::ip::address_v6(bytes), MemberChannel::kPort};
}

}  // namespace

Result<std::shared_ptr<MemberChannel>> MemberChannel::open(asio::io_context& io,
                                                           const std::string& interface,
                                                           const IpAddress& own,
                                                           Receiver receiver) {
  std::shared_ptr<MemberChannel> self(new MemberChannel(io, std::move(receiver)));
  auto& socket = self->socket_;
  error_code error;
  socket.open(udp::v6(), error);
  if (!error) socket.set_option(asio::ip::v6_only(true), error);
  // The address alone would also be reached from the machine's other interfaces.
  if (!error && ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                             static_cast<socklen_t>(interface.size())) != 0)
    error = error_code(errno, boost::system::system_category());
  if (!error) socket.bind(endpoint_of(own), error);
  if (!error) socket.non_blocking(true, error);
  if (error)
    return fail(MemberChannelErrc::unavailable, "cannot listen to the other members on UDP port " +
                                                    std::to_string(kPort) + " of " + interface +
                                                    ": " + error.message());
  self->receive();
  return self;
}

void MemberChannel::send(const IpAddress& to, ByteView datagram) {
  error_code lost;
  if (socket_.is_open())
    socket_.send_to(asio::buffer(datagram.data(), datagram.size()), endpoint_of(to), 0, lost);
}

void MemberChannel::close() {
  receiver_ = {};
  error_code ignored;
  socket_.close(ignored);
}

void MemberChannel::receive() {
  socket_.async_receive_from(
      asio::buffer(buffer_), from_,
      [self = shared_from_this()](const error_code& error, std::size_t size) {
        if (error == asio::error::operation_aborted || !self->socket_.is_open()) return;
        const auto heard = self->receiver_;
        if (!error && heard && self->from_.port() == kPort)
          heard(IpAddress::v6(self->from_.address().to_v6().to_bytes()),
                ByteView(self->buffer_).first(size));
        if (self->socket_.is_open()) self->receive();
      });
}

}  // namespace lanrage::agent
