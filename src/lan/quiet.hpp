// What never goes onto the segment: machines' own chatter on their home LAN, by which a stranger in
// the party would learn of printers and names, or answer in place of the router.
#pragma once

#include <cstdint>

#include "base/endpoint.hpp"

namespace lanrage::lan {

// Groups of the network itself: IPv4 224.0.0.0/24 (mDNS and LLMNR in it), IPv6 ffXX::/112 and
// ff02::1:0/112, solicited-node and interface-local ones, and SSDP's.
bool is_quiet_group(const IpAddress& group);

// Destination ports: all below 1024 but IPX's (DHCP, NetBIOS and SNMP are there), SSDP, port
// mapping, WS-Discovery, mDNS, LLMNR, KDE Connect, Dropbox, Syncthing, Spotify, and our own
// beacon's.
bool is_quiet_port(std::uint16_t port);

}  // namespace lanrage::lan
