// Classic BPF programs that pick control packets out of the traffic of WireGuard's port, so that
// its data packets never wake the agent.
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <vector>

namespace lanrage::io {

// What a packet filter hands a raw socket: IPv4 with its header, IPv6 from the UDP header on.
enum class PacketStart { ipv4_header, udp_header };

// UDP to `port` that is STUN (at least 20 bytes, magic cookie at payload offset 4) or a WireGuard
// handshake (type 1 with 148, type 2 with 92 bytes).
std::vector<sock_filter> received_filter(std::uint16_t port, PacketStart start);

// For a packet socket (SOCK_DGRAM, all protocols): WireGuard handshakes that leave from `port`,
// over IPv4 or IPv6.
std::vector<sock_filter> sent_handshake_filter(std::uint16_t port);

}  // namespace lanrage::io
