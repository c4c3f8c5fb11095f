// Synchronous netlink: a request socket, and the few rtnetlink requests that a tunnel needs. All of
// it acts on the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/wiped.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::io {

enum class NetlinkErrc {
  no_permission,
  no_such_device,
  exists,
  not_supported,  // the kernel lacks the link kind or the protocol
  no_such_route,
  in_use,   // EADDRINUSE: bringing a WireGuard link up whose port is taken
  refused,  // any other errno
  socket_failed,
  malformed_reply,
  timed_out,
};
constexpr std::string_view name_of(NetlinkErrc e) {
  switch (e) {
    case NetlinkErrc::no_permission:
      return "no_permission";
    case NetlinkErrc::no_such_device:
      return "no_such_device";
    case NetlinkErrc::exists:
      return "exists";
    case NetlinkErrc::not_supported:
      return "not_supported";
    case NetlinkErrc::no_such_route:
      return "no_such_route";
    case NetlinkErrc::in_use:
      return "in_use";
    case NetlinkErrc::refused:
      return "refused";
    case NetlinkErrc::socket_failed:
      return "socket_failed";
    case NetlinkErrc::malformed_reply:
      return "malformed_reply";
    case NetlinkErrc::timed_out:
      return "timed_out";
  }
  return "unknown";
}

class NetlinkSocket {
 public:
  // `protocol`: NETLINK_ROUTE or NETLINK_GENERIC.
  static Result<NetlinkSocket> open(int protocol);

  std::uint32_t next_sequence() { return ++sequence_; }

  // Sends one message (its NLM_F_ACK set) and waits for the acknowledgement. `what` says in an
  // error what was tried.
  Result<void> request(ByteView message, std::string_view what);
  // Sends one message and hands over each datagram of the answer until `on_datagram` returns true
  // (all is there) or an error.
  Result<void> query(ByteView message, std::string_view what,
                     const std::function<Result<bool>(ByteView)>& on_datagram);

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<void> send(ByteView message, std::string_view what);
  Result<WipedBytes> receive(std::string_view what);

  UniqueFd fd_;
  std::uint32_t sequence_ = 0;
};

struct Link {
  std::uint32_t index = 0;
  std::string kind{};   // "wireguard", "tun", ...; empty for physical ones
  std::string alias{};  // IFLA_IFALIAS: free text, ours marks a link as ours
  bool up = false;
};

// Links and addresses (rtnetlink).
class Links {
 public:
  static Result<Links> open();

  // nullopt: no link of that name.
  Result<std::optional<Link>> find(std::string_view name);
  Result<void> create(std::string_view name, std::string_view kind);
  Result<void> remove(std::string_view name);
  Result<void> remove(std::uint32_t index);  // whatever its name is by now
  Result<void> set_alias(std::string_view name, std::string_view alias);
  Result<void> set_mtu(std::string_view name, std::uint32_t mtu);
  Result<void> set_up(std::string_view name, bool up = true);
  // The address and, by its prefix, the route to its network. `broadcast` (IPv4) is what programs
  // are told; the kernel knows the prefix's last address for one in any case.
  Result<void> add_address(std::string_view name, const IpAddress& address, std::uint8_t length,
                           const std::optional<IpAddress>& broadcast = std::nullopt);
  // To one address, with `source` for packets that this machine begins. Replaced, if there was one.
  Result<void> add_route(std::string_view name, const IpAddress& to, const IpAddress& source);
  Result<void> remove_route(std::string_view name, const IpAddress& to);

 private:
  explicit Links(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Result<void> change_route(std::uint16_t type, std::uint16_t flags, std::string_view name,
                            const IpAddress& to, const std::optional<IpAddress>& source);

  NetlinkSocket socket_;
};

}  // namespace lanrage::io
