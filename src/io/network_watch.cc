#include "io/network_watch.hpp"

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <utility>

#include "io/unique_fd.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;

constexpr unsigned kNetwork =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
constexpr unsigned kPacketFilter = 1u << (NFNLGRP_NFTABLES - 1);
constexpr int kMessagesPerWake = 64;  // then other work of the loop has its turn

std::unexpected<Error> not_opened(int error) {
  return fail(NetworkWatchErrc::open_failed,
              "can't watch for changes of the network: " + std::string(std::strerror(error)));
}

}  // namespace

class NetworkWatch::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, UniqueFd fd, std::function<void()> on_change)
      : socket_(io, fd.release()), on_change_(std::move(on_change)) {}

  void listen() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (error || self->closed_) return;
                         if (self->drain()) self->on_change_();
                         if (!self->closed_) self->listen();
                       });
  }
  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    (void)socket_.close(ignored);
  }

 private:
  // What the messages say doesn't matter, nor that some were too many for the socket's buffer
  // (ENOBUFS): the listener looks for itself.
  bool drain() {
    bool heard = false;
    for (int i = 0; i < kMessagesPerWake; ++i) {
      std::array<char, 8192> message;
      sockaddr_nl from{};
      socklen_t from_size = sizeof from;
      const auto size = ::recvfrom(socket_.native_handle(), message.data(), message.size(),
                                   MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 0 && errno != ENOBUFS && errno != EINTR) break;
      // Other processes may send to us, too.
      heard = heard || (size < 0 ? errno == ENOBUFS : from.nl_pid == 0);
    }
    return heard;
  }

  asio::posix::stream_descriptor socket_;
  std::function<void()> on_change_;
  bool closed_ = false;
};

Result<std::unique_ptr<NetworkWatch>> NetworkWatch::open(asio::io_context& io,
                                                         std::function<void()> on_change,
                                                         Watched what) {
  const bool filter = what == Watched::packet_filter;
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                       filter ? NETLINK_NETFILTER : NETLINK_ROUTE));
  if (!fd) return not_opened(errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = filter ? kPacketFilter : what == Watched::links ? RTMGRP_LINK : kNetwork;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return not_opened(errno);
  auto impl = std::make_shared<Impl>(io, std::move(fd), std::move(on_change));
  impl->listen();
  return std::unique_ptr<NetworkWatch>(new NetworkWatch(std::move(impl)));
}

NetworkWatch::NetworkWatch(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

NetworkWatch::~NetworkWatch() {
  impl_->close();
}

}  // namespace lanrage::io
