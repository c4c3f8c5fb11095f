// A bound UDP socket for servers: batches of datagrams in and out, each answered from the address
// of ours that it came to (a host may have several).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"

namespace lanrage::server {

enum class UdpErrc {
  port_taken,
  address_not_here,  // no such address on this machine
  not_permitted,
  socket_failed,
};
constexpr std::string_view name_of(UdpErrc e) {
  switch (e) {
    case UdpErrc::port_taken:
      return "port_taken";
    case UdpErrc::address_not_here:
      return "address_not_here";
    case UdpErrc::not_permitted:
      return "not_permitted";
    case UdpErrc::socket_failed:
      return "socket_failed";
  }
  return "unknown";
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

class UdpSocket {
 public:
  // `flag` is the option that changes `listen`, named in errors. Port 0 takes any; "[::]" takes
  // IPv4 as well, and IPv4 alone on a machine without IPv6.
  static Result<UdpSocket> open(const Endpoint& listen, std::string_view flag);
  // So many on one endpoint: the kernel gives all packets between two endpoints to the same socket.
  static Result<std::vector<UdpSocket>> open_several(const Endpoint& listen, std::string_view flag,
                                                     std::size_t count);

  int fd() const { return fd_.get(); }
  bool is_v6() const { return local_.address.is_v6(); }
  const Endpoint& local() const { return local_; }

 private:
  enum class Share { no, yes };
  static Result<UdpSocket> open(const Endpoint& listen, std::string_view flag, Share share);
  UdpSocket(FileDescriptor fd, const Endpoint& local) : fd_(std::move(fd)), local_(local) {}
  FileDescriptor fd_;
  Endpoint local_;
};

struct UdpCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t oversized = 0;      // came in larger than the buffer, dropped
  std::uint64_t send_failures = 0;  // each costs its datagram only

  UdpCounters& operator+=(const UdpCounters& other) {
    received += other.received;
    sent += other.sent;
    oversized += other.oversized;
    send_failures += other.send_failures;
    return *this;
  }
};

// Buffers for one batch, allocated once.
class UdpBatch {
 public:
  static constexpr std::size_t kDatagrams = 64;
  static constexpr std::size_t kBufferSize = 2048;

  UdpBatch();
  ~UdpBatch();

  struct Received {
    Endpoint from;
    IpAddress local;
    MutableByteView bytes;
    MutableByteView buffer;  // the same, up to the buffer's capacity: an answer may be put here
  };

  // What is there now, without waiting; empty when nothing is. Valid until the next receive().
  std::span<const Received> receive(const UdpSocket& socket);
  // Queues for send(), until when `bytes` must live. At most kDatagrams between two sends.
  void queue(const UdpSocket& socket, const Endpoint& to, const IpAddress& local, ByteView bytes);
  // Sends what was queued through the socket. A failure never stops the rest.
  void send(const UdpSocket& socket);

  const UdpCounters& counters() const { return counters_; }

 private:
  struct Arrays;
  std::unique_ptr<Arrays> arrays_;
  std::size_t queued_ = 0;
  UdpCounters counters_;
};

}  // namespace lanrage::server
