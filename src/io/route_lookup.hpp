// Which address of this machine a datagram to somewhere leaves from, by the routes of this moment.
#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::io {

enum class RouteErrc { no_route };
constexpr std::string_view name_of(RouteErrc) {
  return "no_route";
}

// Asks the kernel each time (three system calls, microseconds) instead of keeping answers that a
// change of network would make wrong. Answers for the network namespace that it was made in.
class RouteLookup {
 public:
  RouteLookup();

  Result<IpAddress> source_for(const IpAddress& to);
  // What leaves for the internet leaves from there: the default route's, of IPv6 or of IPv4.
  Result<IpAddress> source_to_internet(bool v6);

 private:
  UniqueFd v4_;
  UniqueFd v6_;
};

}  // namespace lanrage::io
