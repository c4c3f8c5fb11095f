// What a game and a download see of a way between two namespaces.
#pragma once

#include <chrono>
#include <vector>

#include "base/endpoint.hpp"
#include "support/namespace.hpp"

namespace lanrage::bench {

// One TCP connection from `from` to `to` at full speed for so long. Megabits a second of payload.
double tcp_mbit_s(const lab::NetNamespace& from, const lab::NetNamespace& to,
                  const IpAddress& address, std::chrono::milliseconds time);

// `count` datagrams of `size` bytes that are sent back, one after the other; microseconds there and
// back, each.
std::vector<double> round_trips_us(const lab::NetNamespace& from, const lab::NetNamespace& to,
                                   const IpAddress& address, int count, std::size_t size);

}  // namespace lanrage::bench
