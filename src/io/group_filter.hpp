// A classic BPF program that picks discovery packets out of what leaves a machine, so that nothing
// else wakes the agent.
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <vector>

namespace lanrage::io {

// For a packet socket (SOCK_DGRAM, all protocols): UDP, fragments included, that leaves for
// 255.255.255.255, the broadcast address of an Ethernet's network, or a multicast group of either
// family.
std::vector<sock_filter> sent_to_groups_filter();

}  // namespace lanrage::io
