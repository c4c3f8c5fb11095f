// The interfaces by which this machine is on a LAN.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::agent {

struct LanInterface {
  unsigned index = 0;
  std::string name;
  std::vector<IpAddress> addresses;  // without link-local ones; IPv4 first

  // What others on it reach this machine by: its first address, of the family if it has one.
  std::optional<IpAddress> address(bool v6) const;
};

// Those that are up and do multicast, without loopback and the tunnels of lanrage agents.
std::vector<LanInterface> lan_interfaces();

// The address to name to others on the LAN: the one that leaves by the default route if it is
// private, else the first private one, else any. Nothing on a machine without a network.
std::optional<IpAddress> lan_address(const std::vector<LanInterface>& interfaces);

}  // namespace lanrage::agent
