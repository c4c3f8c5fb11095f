// The machine's own addresses, as candidates for peers on the same LAN.
#pragma once

#include <string>
#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::agent {

enum class Interfaces {
  up,
  with_carrier,  // and something plugged in
};

// Addresses of interfaces that are up, without loopback, link-local and any of
// `excluded_interfaces`, and without those that lanrage agents made: a tunnel's address must not
// become a path of itself, or of another party's.
std::vector<IpAddress> local_addresses(const std::vector<std::string>& excluded_interfaces,
                                       Interfaces which = Interfaces::up);

}  // namespace lanrage::agent
