#include "support/udp_probe.hpp"

#include <array>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/process.hpp"

namespace lanrage::lab {
namespace {

// For an IPv6 socket that does IPv4 too: RFC 4291 section 2.5.5.2.
sockaddr_in6 dual_address(const Endpoint& endpoint) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(endpoint.port);
  const ByteView bytes = endpoint.address.bytes();
  auto* end = out.sin6_addr.s6_addr + sizeof out.sin6_addr;
  std::memcpy(end - bytes.size(), bytes.data(), bytes.size());
  if (endpoint.address.is_v4()) std::memset(end - 6, 0xff, 2);
  return out;
}

}  // namespace

UdpProbe::UdpProbe(const NetNamespace& netns, std::uint16_t port)
    : fd_(netns.inside([] { return ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0); })) {
  const int off = 0;
  ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  socklen_t length = sizeof(address);
  if (fd_ < 0 || ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw LabError("can't bind UDP port " + std::to_string(port) + " in " + netns.name());
  port_ = ntohs(address.sin6_port);
}

UdpProbe::~UdpProbe() {
  ::close(fd_);
}

void UdpProbe::send(const Endpoint& to, std::string_view text) {
  const sockaddr_in6 address = dual_address(to);
  ::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address));
}

std::optional<UdpProbe::Datagram> UdpProbe::receive(Millis limit) {
  pollfd entry{fd_, POLLIN, 0};
  if (::poll(&entry, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
  std::array<char, 2048> buffer;
  sockaddr_in6 address{};
  socklen_t length = sizeof(address);
  const auto got = ::recvfrom(fd_, buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&address), &length);
  if (got < 0) return std::nullopt;
  ByteArray<16> from;
  std::memcpy(from.data(), &address.sin6_addr, from.size());
  return Datagram{{IpAddress::v6(from), ntohs(address.sin6_port)},
                  std::string(buffer.data(), static_cast<std::size_t>(got))};
}

}  // namespace lanrage::lab
