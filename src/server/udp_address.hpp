// Endpoints as a UDP socket of either family wants them: an IPv6 one takes IPv4 as well, mapped.
#pragma once

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/endpoint.hpp"

namespace lanrage::server {

inline socklen_t to_sockaddr(const Endpoint& endpoint, bool v6_socket, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  if (!v6_socket) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr.s_addr = htonl(endpoint.address.v4_value());
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  ByteView bytes = endpoint.address.bytes();
  if (bytes.size() == 4) {
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xFF;
    std::memcpy(v6.sin6_addr.s6_addr + 12, bytes.data(), 4);
  } else {
    std::memcpy(v6.sin6_addr.s6_addr, bytes.data(), 16);
  }
  return sizeof v6;
}

inline IpAddress to_address(const in_addr& address) {
  return IpAddress::v4(ntohl(address.s_addr));
}
inline IpAddress to_address(const in6_addr& address) {
  ByteArray<16> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::v6(bytes);
}

inline Endpoint to_endpoint(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return {to_address(v6.sin6_addr), ntohs(v6.sin6_port)};
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  return {to_address(v4.sin_addr), ntohs(v4.sin_port)};
}

}  // namespace lanrage::server
