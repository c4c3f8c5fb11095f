// A classic BPF program that lets by the few datagrams in which games make themselves known, so
// that a game being played doesn't wake the agent.
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <span>
#include <vector>

namespace lanrage::io {

struct DatagramStart {
  std::uint16_t value;  // of the payload's first two bytes,
  std::uint16_t mask;   // in these bits
};

// Datagrams that begin with one of `starts` and come from one of `from` or go to one of `to`.
struct DiscoveryTraffic {
  std::vector<std::uint16_t> from;
  std::vector<std::uint16_t> to;
  std::vector<DatagramStart> starts;
};

// For a packet socket (SOCK_DGRAM): whole UDP datagrams over IPv4 of one of `kinds`. The first kind
// that has the source port decides, else the first that has the destination port. Jumps are short:
// all kinds together have at most 64 ports and 32 starts, and each has a start.
std::vector<sock_filter> discovery_filter(std::span<const DiscoveryTraffic> kinds);

}  // namespace lanrage::io
