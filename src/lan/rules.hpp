// What nftables keeps from the segment and from this machine, as the text of one transaction.
//
// VXLAN checks no source, and the kernel opens its port on every interface. So, for the device's
// whole life, a table of ours lets in only what came through the party's WireGuard device, and
// there only frames whose MAC and addresses are those of the member that the tunnel's address
// proves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lan/access.hpp"
#include "lan/segment.hpp"

namespace lanrage::lan {

// Names of interfaces; letters, digits, '_', '.' and '-' (agent's check_interface_name()).
struct Interfaces {
  std::string wireguard;
  // Empty: this machine has no segment, and its virtual IP is on the WireGuard device.
  std::string lan;
  // Where that WireGuard listens; 0: none is kept from being reached through itself.
  std::uint16_t listen_port = 0;
};

// UDP, between the agents inside the tunnel: all that it carries beside the segment.
inline constexpr std::uint16_t kAgentsPort = 867;

// With its family. Of the party, whatever the interfaces' names are: what a killed agent left is
// replaced by the next one.
std::string table_name(const Segment& segment);
// Puts the table in place of an earlier one, without a moment between them. Whatever others began
// is judged by `access` packet by packet, so that a connection ends with the port that it came to.
std::string ruleset(const Segment& segment, const Interfaces& interfaces, const Access& access);
std::string removal(const Segment& segment);
// The VNIs of the segments whose tables are in nftables' list of tables.
std::vector<std::uint32_t> segments_in(std::string_view tables);
std::string removal(std::uint32_t vni);

}  // namespace lanrage::lan
