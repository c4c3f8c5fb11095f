// The network interfaces by which a relay's packets come and go.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::xdp {

using Mac = std::array<std::uint8_t, 6>;

struct Interface {
  std::uint32_t index = 0;
  std::string name;
  Mac mac{};
  std::string driver{};
};

// Ethernet interfaces that are up and have `address`, or when it is unspecified any address that
// isn't link-local. By index; empty as well where none can be read.
std::vector<Interface> ethernet_interfaces(const IpAddress& address);

}  // namespace lanrage::xdp
