#include "support/udp_probe.hpp"

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/process.hpp"

namespace lanrage::lab {

UdpProbe::UdpProbe(const NetNamespace& netns, std::uint16_t port)
    : fd_(netns.inside([] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); })) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  socklen_t length = sizeof(address);
  if (fd_ < 0 || ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw LabError("can't bind UDP port " + std::to_string(port) + " in " + netns.name());
  port_ = ntohs(address.sin_port);
}

UdpProbe::~UdpProbe() {
  ::close(fd_);
}

void UdpProbe::send(const Endpoint& to, std::string_view text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.port);
  address.sin_addr.s_addr = htonl(to.address.v4_value());
  ::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address));
}

std::optional<UdpProbe::Datagram> UdpProbe::receive(Millis limit) {
  pollfd entry{fd_, POLLIN, 0};
  if (::poll(&entry, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
  std::array<char, 2048> buffer;
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  const auto got = ::recvfrom(fd_, buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&address), &length);
  if (got < 0) return std::nullopt;
  return Datagram{{IpAddress::v4(ntohl(address.sin_addr.s_addr)), ntohs(address.sin_port)},
                  std::string(buffer.data(), static_cast<std::size_t>(got))};
}

}  // namespace lanrage::lab
