// The machine's own addresses, as candidates for peers on the same LAN.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::agent {

enum class Interfaces {
  up,
  with_carrier,  // and something plugged in
};

// Addresses of interfaces that are up, without loopback, link-local and any of
// `excluded_interfaces`, and without those that lanrage agents made: a tunnel's address must not
// become a path of itself, or of another party's. IPv6 ones that nothing new should use are left
// out too.
std::vector<IpAddress> local_addresses(const std::vector<std::string>& excluded_interfaces,
                                       Interfaces which = Interfaces::up);

// Of the text of /proc/net/if_inet6: addresses that were replaced (RFC 8981 makes new ones every
// day, and keeps the old for a week), aren't known to be unique yet, or aren't unique.
std::vector<IpAddress> unusable_ipv6(std::string_view if_inet6);

}  // namespace lanrage::agent
