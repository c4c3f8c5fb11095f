// Endpoint <-> the system's socket addresses.
#pragma once

#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

#include "base/endpoint.hpp"

namespace lanrage::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

inline SocketAddress to_socket_address(const Endpoint& endpoint) {
  SocketAddress out;
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.bytes().data(), sizeof v4.sin_addr);
    std::memcpy(&out.storage, &v4, sizeof v4);
    out.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes().data(), sizeof v6.sin6_addr);
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
  }
  return out;
}

// Of AF_INET or AF_INET6, as the system filled it in.
inline Endpoint from_socket_address(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    return {IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &storage, sizeof v6);
  ByteArray<16> bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return {IpAddress::v6(bytes), ntohs(v6.sin6_port)};
}

// Nothing for a null pointer and for addresses of another family.
inline std::optional<IpAddress> ip_address_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  const bool v4 = address->sa_family == AF_INET;
  if (!v4 && address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_storage storage{};
  std::memcpy(&storage, address, v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  return from_socket_address(storage).address;
}

}  // namespace lanrage::io
