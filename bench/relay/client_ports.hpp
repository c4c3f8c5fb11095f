// Many clients in one namespace, each with an address of its own, on a handful of sockets: whom a
// packet is from or for is in its IP_PKTINFO. To a relay they look like as many machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <netinet/in.h>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "support/namespace.hpp"

namespace lanrage::bench {

class ClientPorts {
 public:
  static constexpr std::size_t kSockets = 4;
  static constexpr std::size_t kMostClients = 65'000;  // of the /16

  // Sockets at ports from there on.
  ClientPorts(const lab::NetNamespace& place, const IpAddress& prefix,
              std::uint16_t first_port = 40'000);
  ~ClientPorts();
  ClientPorts(const ClientPorts&) = delete;
  ClientPorts& operator=(const ClientPorts&) = delete;

  Endpoint endpoint(std::size_t client) const;
  static std::size_t socket_of(std::size_t client) { return client % kSockets; }
  int fd(std::size_t socket) const { return sockets_[socket]; }

  void send(std::size_t client, const Endpoint& to, ByteView bytes) const;
  using Sink = std::function<void(std::size_t client, const Endpoint& from, ByteView bytes)>;
  // All that is there now, without waiting.
  void receive(const Sink& sink) const;

 private:
  std::uint32_t prefix_;
  std::uint16_t first_port_;
  std::vector<int> sockets_;
};

// Waits until one of them has something to read, at most so long.
void wait_for_packets(const ClientPorts& one, const ClientPorts& other, int milliseconds);

sockaddr_in to_sockaddr(const Endpoint& endpoint);  // IPv4

// IP_PKTINFO with a source address, as msg_control wants it.
struct alignas(cmsghdr) SourceControl {
  std::uint8_t bytes[CMSG_SPACE(sizeof(in_pktinfo))];
};
SourceControl source_control(const IpAddress& source);

}  // namespace lanrage::bench
