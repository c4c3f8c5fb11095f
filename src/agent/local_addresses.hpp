// The machine's own addresses, as candidates for peers on the same LAN.
#pragma once

#include <string_view>
#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::agent {

// Addresses of interfaces that are up, without loopback, link-local and any of
// `excluded_interfaces` (our own tunnels, whose addresses must not become paths to themselves).
std::vector<IpAddress> local_addresses(const std::vector<std::string>& excluded_interfaces);

}  // namespace lanrage::agent
