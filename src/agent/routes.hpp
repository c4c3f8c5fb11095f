// The system's routes, by rtnetlink.
#pragma once

#include <vector>

#include "agent/doctor.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace lanrage::agent {

// Unicast IPv4 routes of all tables, in the calling thread's network namespace. Errors:
// io::NetlinkErrc.
Result<std::vector<Route>> read_routes();

// The interface by which packets leave for the internet, of several default routes that of the one
// in use; empty where there is no way there.
std::string uplink(bool v6);

// The MTU of an interface; 0 when there is none of that name.
std::size_t mtu_of(const std::string& interface);

}  // namespace lanrage::agent
