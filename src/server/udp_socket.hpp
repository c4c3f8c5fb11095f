// A bound UDP socket for servers. What comes and goes by it: udp_batch.hpp.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

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

  // A train: datagrams of one size, the last may be shorter, that come or go between two endpoints
  // as one message (UDP_GRO, UDP_SEGMENT). Where the kernel doesn't know how to, nothing changes.
  void receive_trains();
  void send_trains();
  bool receives_trains() const { return receives_trains_; }
  bool sends_trains() const { return sends_trains_; }

  int fd() const { return fd_.get(); }
  bool is_v6() const { return local_.address.is_v6(); }
  const Endpoint& local() const { return local_; }

 private:
  enum class Share { no, yes };
  static Result<UdpSocket> open(const Endpoint& listen, std::string_view flag, Share share);
  UdpSocket(FileDescriptor fd, const Endpoint& local) : fd_(std::move(fd)), local_(local) {}
  FileDescriptor fd_;
  Endpoint local_;
  bool receives_trains_ = false;
  bool sends_trains_ = false;
};

}  // namespace lanrage::server
