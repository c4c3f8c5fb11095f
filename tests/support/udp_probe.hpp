// A plain UDP socket inside a namespace, for asking what a NAT does.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "support/namespace.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

class UdpProbe {
 public:
  struct Datagram {
    Endpoint from;
    std::string text;
  };

  // Bound to `port` of every address, of IPv4 and IPv6; 0 lets the kernel choose.
  explicit UdpProbe(const NetNamespace& netns, std::uint16_t port = 0);
  ~UdpProbe();
  UdpProbe(const UdpProbe&) = delete;
  UdpProbe& operator=(const UdpProbe&) = delete;

  std::uint16_t port() const { return port_; }
  // Errors such as an ICMP answer to an earlier datagram are not errors of the probe.
  void send(const Endpoint& to, std::string_view text);
  std::optional<Datagram> receive(Millis limit);

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace lanrage::lab
