// What the doctor has to know of the machine itself: asked of the kernel, and of files of /proc and
// /etc. Blocks for some milliseconds.
#pragma once

#include "agent/doctor.hpp"
#include "agent/tunnel.hpp"

namespace lanrage::agent {

// In the calling thread's network namespace. What can't be read counts as absent, but for the
// firewall, of which it says why.
DoctorFacts machine_facts(Backend backend);

// WireGuard's ports are told from others by number alone.
bool is_udp_port_bound(std::uint16_t port);

}  // namespace lanrage::agent
