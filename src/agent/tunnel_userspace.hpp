// WireGuard in a wireguard-go child, for kernels without.
#pragma once

#include <memory>

#include "agent/tunnel.hpp"

namespace lanrage::agent {

// `name` is free of interfaces. no_userspace_wireguard when wireguard-go can't be started.
Result<std::unique_ptr<Tunnel>> open_userspace_tunnel(const TunnelOptions& options,
                                                      const std::string& name);

}  // namespace lanrage::agent
