// A client's socket on loopback that asks and waits for answers.
#pragma once

#include <arpa/inet.h>
#include <chrono>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace lanrage::server {

class UdpPlayer {
 public:
  UdpPlayer() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = to_sockaddr({IpAddress::v4(INADDR_LOOPBACK), 0});
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    endpoint_ = to_endpoint(address);
  }
  ~UdpPlayer() { close(fd_); }
  // Another port, as after a change of its NAT's mapping.
  void change_port() {
    UdpPlayer other;
    std::swap(fd_, other.fd_);
    std::swap(endpoint_, other.endpoint_);
  }
  UdpPlayer(const UdpPlayer&) = delete;
  UdpPlayer& operator=(const UdpPlayer&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }

  void send(const Endpoint& to, ByteView bytes) {
    sockaddr_in address = to_sockaddr(to);
    EXPECT_EQ(sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&address),
                     sizeof address),
              static_cast<ssize_t>(bytes.size()));
  }
  // As datagrams of that size, the last may be shorter, in one.
  void send_train(const Endpoint& to, ByteView bytes, int segment) {
    EXPECT_EQ(setsockopt(fd_, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment), 0);
    send(to, bytes);
    segment = 0;
    setsockopt(fd_, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
  }
  // The next datagram, waited for as long as a test may at all hang.
  std::optional<std::pair<Endpoint, Bytes>> receive(int timeout_ms = 20'000) {
    pollfd polled{fd_, POLLIN, 0};
    if (poll(&polled, 1, timeout_ms) != 1) return std::nullopt;
    Bytes bytes(2048);
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ssize_t count =
        recvfrom(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&address), &size);
    if (count < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(count));
    return std::pair{to_endpoint(address), std::move(bytes)};
  }

  static Instant now() {
    return Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }

 private:
  static sockaddr_in to_sockaddr(const Endpoint& endpoint) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    address.sin_addr.s_addr = htonl(endpoint.address.v4_value());
    return address;
  }
  static Endpoint to_endpoint(const sockaddr_in& address) {
    return {IpAddress::v4(ntohl(address.sin_addr.s_addr)), ntohs(address.sin_port)};
  }

  int fd_;
  Endpoint endpoint_;
};

}  // namespace lanrage::server
