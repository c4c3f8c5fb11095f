// The kernel's own WireGuard.
#pragma once

#include <memory>

#include "agent/tunnel.hpp"

namespace lanrage::agent {

// `name` is free. no_kernel_wireguard when there is none here.
Result<std::unique_ptr<Tunnel>> open_kernel_tunnel(const TunnelOptions& options,
                                                   const std::string& name);

// True where one could be opened, by a process that may.
bool kernel_has_wireguard();

}  // namespace lanrage::agent
