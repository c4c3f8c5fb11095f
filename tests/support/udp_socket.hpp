// A plain UDP socket of either family inside a namespace, that tells the TTL of what it receives;
// and packets written by hand.
#pragma once

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "support/namespace.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

class UdpSocket {
 public:
  struct Datagram {
    Endpoint from;
    Bytes payload;
    int ttl = -1;  // hop limit
  };

  // Bound to the given address, for all of a family "0.0.0.0:PORT" or "[::]:PORT".
  UdpSocket(const NetNamespace& netns, const Endpoint& local)
      : fd_(netns.inside([&] {
          return ::socket(local.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        })) {
    const int on = 1;
    if (local.address.is_v4())
      ::setsockopt(fd_, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
    else {
      ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
      ::setsockopt(fd_, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on);
    }
    auto [address, size] = to_address(local);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0)
      throw LabError("bind " + local.to_string() + ": " + std::strerror(errno));
  }
  ~UdpSocket() { ::close(fd_); }
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  int fd() const { return fd_; }
  void send(const Endpoint& to, ByteView payload) {
    auto [address, size] = to_address(to);
    if (::sendto(fd_, payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&address),
                 size) < 0)
      throw LabError("send to " + to.to_string() + ": " + std::strerror(errno));
  }
  std::optional<Datagram> receive(Millis limit) {
    pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
    sockaddr_storage from{};
    std::array<std::uint8_t, 4096> buffer;
    alignas(cmsghdr) std::array<char, 128> control{};
    iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto size = ::recvmsg(fd_, &message, MSG_DONTWAIT);
    if (size < 0) return std::nullopt;  // an ICMP error
    Datagram out{.from = from_address(from), .payload = Bytes(buffer.data(), buffer.data() + size)};
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_type == IP_TTL || c->cmsg_type == IPV6_HOPLIMIT)
        std::memcpy(&out.ttl, CMSG_DATA(c), sizeof out.ttl);
    }
    return out;
  }

 private:
  static std::pair<sockaddr_storage, socklen_t> to_address(const Endpoint& endpoint) {
    sockaddr_storage out{};
    if (endpoint.address.is_v4()) {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
      v4->sin_family = AF_INET;
      v4->sin_port = htons(endpoint.port);
      v4->sin_addr.s_addr = htonl(endpoint.address.v4_value());
      return {out, sizeof *v4};
    }
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(endpoint.port);
    std::memcpy(&v6->sin6_addr, endpoint.address.bytes().data(), 16);
    return {out, sizeof *v6};
  }
  static Endpoint from_address(const sockaddr_storage& from) {
    if (from.ss_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(&from);
      return {IpAddress::v4(ntohl(v4->sin_addr.s_addr)), ntohs(v4->sin_port)};
    }
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&from);
    ByteArray<16> bytes;
    std::memcpy(bytes.data(), &v6->sin6_addr, bytes.size());
    return {IpAddress::v6(bytes), ntohs(v6->sin6_port)};
  }

  int fd_;
};

}  // namespace lanrage::lab
