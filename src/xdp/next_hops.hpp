// Where the kernel's stack would send a packet: interface and the next machine's Ethernet address.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "io/netlink.hpp"
#include "xdp/interfaces.hpp"

namespace lanrage::xdp {

struct NextHop {
  std::uint32_t interface = 0;
  Mac mac{};
  friend bool operator==(const NextHop&, const NextHop&) = default;
};

class NextHops {
 public:
  static constexpr Duration kTime = std::chrono::seconds(2);  // an answer is used so long
  static constexpr std::size_t kMost = 16'384;                // answers kept

  // Of the calling thread's network namespace. Errors: io::NetlinkErrc.
  static Result<NextHops> open();

  // Nothing while the kernel doesn't know the neighbour; what the relay itself sends there makes it
  // ask, and look again before what it knows grows old.
  std::optional<NextHop> find(Instant now, const IpAddress& to, const IpAddress& from);

 private:
  struct Answer {
    std::optional<NextHop> hop;
    Instant until;
  };
  struct Route {
    std::uint32_t interface = 0;
    IpAddress neighbour;  // the router, or the destination itself
  };

  explicit NextHops(io::NetlinkSocket socket) : socket_(std::move(socket)) {}
  std::optional<NextHop> ask(const IpAddress& to, const IpAddress& from);
  std::optional<Route> route(const IpAddress& to, const IpAddress& from);
  std::optional<Mac> neighbour(const Route& route);

  io::NetlinkSocket socket_;
  std::map<IpAddress, Answer> answers_;  // by destination
};

}  // namespace lanrage::xdp
