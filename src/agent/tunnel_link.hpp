// What both kinds of tunnel do with their network interface: whose it is, its address, its MTU.
#pragma once

#include <string>

#include "agent/tunnel.hpp"
#include "io/netlink.hpp"

namespace lanrage::agent {

// 1-15 of a-z A-Z 0-9 _ . -, with a letter first: safe as an interface, a file and an nftables
// name.
Result<void> check_interface_name(const std::string& name);

// Marks the interface as this process's, for whoever finds it after we were killed.
Result<void> mark_as_ours(io::Links& links, const std::string& name);

// A lanrage agent's device, this one's or another's.
bool is_marked_as_ours(io::Links& links, const std::string& name);

// Ok when no interface of that name is left. One that a dead agent made is removed; any other is
// interface_taken.
Result<void> remove_leftover(io::Links& links, const std::string& name);

Result<void> give_address(io::Links& links, const TunnelOptions& options, const std::string& name);

// An error of io or wireguard as one of ours.
Error tunnel_error(const Error& cause);

// A port for attempt 0, 1, ...: the one wanted, or else random ones. Nothing when there is none
// left to try.
std::optional<std::uint16_t> port_to_try(std::uint16_t wanted, int attempt);

std::unexpected<Error> port_taken(std::uint16_t wanted);

}  // namespace lanrage::agent
