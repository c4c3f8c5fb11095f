#include "io/wireguard_port.hpp"

#include <arpa/inet.h>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "base/udp_datagram.hpp"
#include "io/port_filter.hpp"
#include "io/route_lookup.hpp"
#include "io/sockaddr.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;

constexpr int kReceiveBuffer = 1 << 20;
constexpr int kDatagramsPerWake = 64;  // then other work of the loop has its turn
constexpr std::size_t kMaxPacket = 2048;

std::unexpected<Error> not_opened(int error) {
  if (error == EPERM || error == EACCES)
    return fail(WireguardPortErrc::no_permission,
                "can't open a raw socket for WireGuard's port: that takes root or CAP_NET_RAW; run "
                "the daemon with it");
  return fail(WireguardPortErrc::open_failed,
              "can't open a raw socket for WireGuard's port: " + std::string(std::strerror(error)));
}

Result<UniqueFd> open_filtered(int family, int type, int protocol,
                               std::vector<sock_filter> filter) {
  // A packet socket hears nothing before it has a protocol: that comes after the filter. What a raw
  // socket hears before that is sorted out when it is read.
  UniqueFd fd(
      ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, family == AF_PACKET ? 0 : protocol));
  if (!fd) return not_opened(errno);
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = filter.data()};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return not_opened(errno);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) !=
      0)
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  if (family == AF_PACKET) {
    sockaddr_ll all{};
    all.sll_family = AF_PACKET;
    all.sll_protocol = htons(ETH_P_ALL);  // only so does it hear outgoing packets
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&all), sizeof all) != 0)
      return not_opened(errno);
  }
  return fd;
}

// Control messages for sendmsg: the source address, and perhaps a TTL.
class Ancillary {
 public:
  explicit Ancillary(msghdr& message) : message_(message) {
    message_.msg_control = buffer_.data();
    message_.msg_controllen = buffer_.size();
    next_ = CMSG_FIRSTHDR(&message_);
  }
  template <class Value>
  void add(int level, int type, const Value& value) {
    next_->cmsg_level = level;
    next_->cmsg_type = type;
    next_->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(next_), &value, sizeof value);
    used_ += CMSG_SPACE(sizeof value);
    next_ = CMSG_NXTHDR(&message_, next_);
  }
  void finish() { message_.msg_controllen = used_; }

 private:
  msghdr& message_;
  alignas(cmsghdr) std::array<char, 128> buffer_{};
  cmsghdr* next_;
  std::size_t used_ = 0;
};

}  // namespace

class WireguardPort::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(const asio::any_io_executor& executor, std::uint16_t port, Callbacks callbacks)
      : port_(port),
        callbacks_(std::move(callbacks)),
        v4_(executor),
        v6_(executor),
        sent_(executor) {}

  Result<void> open() {
    auto v4 = open_filtered(AF_INET, SOCK_RAW, IPPROTO_UDP,
                            received_filter(port_, PacketStart::ipv4_header));
    if (!v4) return std::unexpected(std::move(v4).error());
    v4_.assign(v4->release());
    // A kernel without IPv6 refuses; IPv4 alone is a complete port.
    if (auto v6 = open_filtered(AF_INET6, SOCK_RAW, IPPROTO_UDP,
                                received_filter(port_, PacketStart::udp_header)))
      v6_.assign(v6->release());
    if (callbacks_.on_handshake_sent) {
      auto sent = open_filtered(AF_PACKET, SOCK_DGRAM, ETH_P_ALL, sent_handshake_filter(port_));
      if (!sent) return std::unexpected(std::move(sent).error());
      sent_.assign(sent->release());
    }
    return {};
  }

  void start() {
    listen(v4_, &Impl::take_ipv4);
    if (v6_.is_open()) listen(v6_, &Impl::take_ipv6);
    if (sent_.is_open()) listen(sent_, &Impl::take_sent);
  }

  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    v4_.close(ignored);
    v6_.close(ignored);
    sent_.close(ignored);
  }

  Result<void> send(const Endpoint& to, ByteView payload, std::optional<int> ttl) {
    if (payload.size() > kMaxPayload)
      return fail(WireguardPortErrc::too_large, "a control packet has " +
                                                    std::to_string(payload.size()) +
                                                    " bytes; at most 1200 are sent");
    const bool v4 = to.address.is_v4();
    if (!v4 && !v6_.is_open())
      return fail(WireguardPortErrc::no_ipv6,
                  "this machine has no IPv6 to reach " + to.to_string());
    auto source = source_for(to.address);
    if (!source) return std::unexpected(std::move(source).error());
    auto datagram = udp_datagram({*source, port_}, to, payload);
    // A raw IPv6 socket takes a port for a protocol number.
    auto address = to_socket_address({to.address, 0});
    iovec part{.iov_base = datagram.data(), .iov_len = datagram.size()};
    msghdr message{};
    message.msg_name = address.get();
    message.msg_namelen = address.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    Ancillary ancillary(message);
    // The checksum covers the source address: the packet must leave with that one.
    if (v4) {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, source->bytes().data(), sizeof info.ipi_spec_dst);
      ancillary.add(IPPROTO_IP, IP_PKTINFO, info);
      if (ttl) ancillary.add(IPPROTO_IP, IP_TTL, *ttl);
    } else {
      in6_pktinfo info{};
      std::memcpy(&info.ipi6_addr, source->bytes().data(), sizeof info.ipi6_addr);
      ancillary.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
      if (ttl) ancillary.add(IPPROTO_IPV6, IPV6_HOPLIMIT, *ttl);
    }
    ancillary.finish();
    const int fd = v4 ? v4_.native_handle() : v6_.native_handle();
    if (::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
    return fail(WireguardPortErrc::send_failed,
                "can't send to " + to.to_string() + ": " + std::strerror(errno));
  }

  Result<IpAddress> source_for(const IpAddress& to) {
    auto source = routes_.source_for(to);
    if (!source) return fail(WireguardPortErrc::no_route, std::string(source.error().message()));
    return source;
  }

  std::uint16_t port() const { return port_; }
  bool has_ipv6() const { return v6_.is_open(); }

 private:
  using Take = void (Impl::*)(ByteView packet, const sockaddr_storage& from);

  void listen(asio::posix::stream_descriptor& descriptor, Take take) {
    descriptor.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this(), &descriptor, take](const boost::system::error_code& error) {
          if (error || self->closed_) return;
          self->drain(descriptor.native_handle(), take);
          if (!self->closed_) self->listen(descriptor, take);
        });
  }

  void drain(int fd, Take take) {
    std::array<std::uint8_t, kMaxPacket> packet;
    for (int i = 0; i < kDatagramsPerWake && !closed_; ++i) {
      SocketAddress from;
      const auto size =
          ::recvfrom(fd, packet.data(), packet.size(), MSG_TRUNC, from.get(), &from.size);
      if (size < 0) return;  // nothing more, or an interface went down: the socket stays usable
      if (static_cast<std::size_t>(size) > packet.size()) continue;  // no control packet of ours
      (this->*take)(ByteView(packet).first(static_cast<std::size_t>(size)), from.storage);
    }
  }

  void take_ipv4(ByteView packet, const sockaddr_storage&) {
    const auto parsed = parse_ipv4_udp(packet);
    if (parsed && parsed->udp.destination_port == port_)
      callbacks_.on_received({parsed->source, parsed->udp.source_port}, parsed->udp.payload);
  }

  void take_ipv6(ByteView datagram, const sockaddr_storage& from) {
    const auto udp = parse_udp(datagram);
    if (udp && udp->destination_port == port_)
      callbacks_.on_received({from_socket_address(from).address, udp->source_port}, udp->payload);
  }

  void take_sent(ByteView packet, const sockaddr_storage&) {
    const bool v4 = !packet.empty() && packet[0] >> 4 == 4;
    const auto parsed = v4 ? parse_ipv4_udp(packet) : parse_ipv6_udp(packet);
    if (parsed && parsed->udp.source_port == port_)
      callbacks_.on_handshake_sent({parsed->destination, parsed->udp.destination_port},
                                   parsed->udp.payload);
  }

  std::uint16_t port_;
  Callbacks callbacks_;
  asio::posix::stream_descriptor v4_;
  asio::posix::stream_descriptor v6_;
  asio::posix::stream_descriptor sent_;
  RouteLookup routes_;
  bool closed_ = false;
};

Result<std::unique_ptr<WireguardPort>> WireguardPort::open(const asio::any_io_executor& executor,
                                                           std::uint16_t port,
                                                           Callbacks callbacks) {
  auto impl = std::make_shared<Impl>(executor, port, std::move(callbacks));
  if (auto opened = impl->open(); !opened) return std::unexpected(std::move(opened).error());
  impl->start();
  return std::unique_ptr<WireguardPort>(new WireguardPort(std::move(impl)));
}

WireguardPort::WireguardPort(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

WireguardPort::~WireguardPort() {
  impl_->close();
}

Result<void> WireguardPort::send(const Endpoint& to, ByteView payload, std::optional<int> ttl) {
  return impl_->send(to, payload, ttl);
}

std::uint16_t WireguardPort::port() const {
  return impl_->port();
}

bool WireguardPort::has_ipv6() const {
  return impl_->has_ipv6();
}

Result<IpAddress> WireguardPort::source_for(const IpAddress& to) {
  return impl_->source_for(to);
}

}  // namespace lanrage::io
