#include "server/udp_socket.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/udp.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "server/udp_address.hpp"

namespace lanrage::server {
namespace {

// Game traffic comes in bursts; Linux's default of 208 KiB loses some of them.
constexpr int kBufferBytes = 4 << 20;

void set_option(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof value);
}

std::unexpected<Error> bind_error(int error, const Endpoint& listen, std::string_view flag) {
  std::string where = "UDP " + listen.to_string();
  std::string change = std::string(flag) + " ADDR:PORT";
  switch (error) {
    case EADDRINUSE:
      return fail(
          UdpErrc::port_taken,
          where + " is taken by another program: stop that one, or choose another with " + change,
          std::string(flag));
    case EADDRNOTAVAIL:
      return fail(UdpErrc::address_not_here,
                  where + " isn't an address of this machine: choose one that is with " + change,
                  std::string(flag));
    case EACCES:
      return fail(UdpErrc::not_permitted,
                  where + " may be opened by root only: choose a port from 1024 up with " + change,
                  std::string(flag));
    default:
      return fail(
          UdpErrc::socket_failed,
          where + " can't be opened: " + std::strerror(error) + " (set with " + change + ")",
          std::string(flag));
  }
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

Result<UdpSocket> UdpSocket::open(const Endpoint& listen, std::string_view flag) {
  return open(listen, flag, Share::no);
}

Result<std::vector<UdpSocket>> UdpSocket::open_several(const Endpoint& listen,
                                                       std::string_view flag, std::size_t count) {
  std::vector<UdpSocket> out;
  // The first is bound alone: a second program on the port must fail, not take a part of it.
  auto first = open(listen, flag, Share::no);
  if (!first) return std::unexpected(first.error());
  if (count > 1) set_option(first->fd(), SOL_SOCKET, SO_REUSEPORT, 1);
  out.push_back(std::move(*first));
  while (out.size() < count) {
    auto next = open(out.front().local(), flag, Share::yes);
    if (!next) return std::unexpected(next.error());
    out.push_back(std::move(*next));
  }
  return out;
}

Result<UdpSocket> UdpSocket::open(const Endpoint& listen, std::string_view flag, Share share) {
  bool v6 = listen.address.is_v6();
  FileDescriptor fd(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 && errno == EAFNOSUPPORT && v6 && listen.address.is_unspecified())
    return open({IpAddress(), listen.port}, flag, share);
  if (fd.get() < 0) return bind_error(errno, listen, flag);
  if (v6) {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
  } else {
    set_option(fd.get(), IPPROTO_IP, IP_PKTINFO, 1);
  }
  // WireGuard's own packets may be fragmented; forged ICMP can't shrink a path.
  set_option(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  for (auto [forced, plain] :
       {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}}) {
    int bytes = kBufferBytes;
    if (setsockopt(fd.get(), SOL_SOCKET, forced, &bytes, sizeof bytes) != 0) {
      set_option(fd.get(), SOL_SOCKET, plain, bytes);
    }
  }

  if (share == Share::yes) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  sockaddr_storage address;
  socklen_t size = to_sockaddr(listen, v6, address);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return bind_error(errno, listen, flag);
  }
  size = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return UdpSocket(std::move(fd), {listen.address, to_endpoint(address).port});
}

void UdpSocket::receive_trains() {
  const int on = 1;
  receives_trains_ = setsockopt(fd_.get(), SOL_UDP, UDP_GRO, &on, sizeof on) == 0;
}

void UdpSocket::send_trains() {
  const int off = 0;  // as a default: each message says for itself
  sends_trains_ = setsockopt(fd_.get(), SOL_UDP, UDP_SEGMENT, &off, sizeof off) == 0;
}

}  // namespace lanrage::server
