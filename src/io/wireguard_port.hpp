// Shares the UDP port that WireGuard owns, without standing in the way of its packets: raw sockets
// with BPF filters hear STUN and WireGuard's handshakes, and send datagrams from that same port.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"

namespace lanrage::io {

enum class WireguardPortErrc {
  no_permission,  // CAP_NET_RAW is missing
  open_failed,
  no_route,  // the system knows no way to the address, or no source address for it
  no_ipv6,   // an IPv6 destination where raw IPv6 sockets aren't available
  too_large,
  send_failed,
};
constexpr std::string_view name_of(WireguardPortErrc e) {
  switch (e) {
    case WireguardPortErrc::no_permission:
      return "no_permission";
    case WireguardPortErrc::open_failed:
      return "open_failed";
    case WireguardPortErrc::no_route:
      return "no_route";
    case WireguardPortErrc::no_ipv6:
      return "no_ipv6";
    case WireguardPortErrc::too_large:
      return "too_large";
    case WireguardPortErrc::send_failed:
      return "send_failed";
  }
  return "unknown";
}

class WireguardPort {
 public:
  // Larger payloads are refused: control packets must never need fragments.
  static constexpr std::size_t kMaxPayload = 1200;

  struct Callbacks {
    // A datagram to our port that is STUN, or a WireGuard handshake of type 1 or 2 (WireGuard gets
    // it as well). Nothing about it is authenticated. The payload is valid during the call.
    std::function<void(Endpoint from, ByteView payload)> on_received;
    // A handshake packet of type 1 or 2 that left from our port, WireGuard being the sender: the
    // only way to learn which index it chose. May be empty: then nothing is watched.
    std::function<void(Endpoint to, ByteView payload)> on_handshake_sent;
  };

  // Opens in the calling thread's network namespace and receives on `executor` at once, until
  // destruction (on the executor's thread, also inside a callback); no callback comes after it.
  static Result<std::unique_ptr<WireguardPort>> open(const boost::asio::any_io_executor& executor,
                                                     std::uint16_t port, Callbacks callbacks);
  ~WireguardPort();

  // From our port, and from the address that the system's routes give. `ttl` is for this datagram.
  Result<void> send(const Endpoint& to, ByteView payload, std::optional<int> ttl = std::nullopt);

  std::uint16_t port() const;
  bool has_ipv6() const;
  // The address that datagrams to `to` leave from.
  Result<IpAddress> source_for(const IpAddress& to);

 private:
  class Impl;
  explicit WireguardPort(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace lanrage::io
