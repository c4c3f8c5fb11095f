// Where in the world this machine is attached, as far as it can see.
#pragma once

#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::agent {

// Two that are equal are the same network, most likely: nothing that was measured there is void.
struct NetworkPlace {
  std::vector<IpAddress> addresses;  // of interfaces that have a carrier, without agents' tunnels
  std::vector<IpAddress> sources;    // that packets to the internet leave from

  bool empty() const { return addresses.empty(); }
  friend bool operator==(const NetworkPlace&, const NetworkPlace&) = default;
};

NetworkPlace network_place();

}  // namespace lanrage::agent
