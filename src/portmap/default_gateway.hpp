// Whom to ask, and whether it is of use.
#pragma once

#include <optional>

#include "base/endpoint.hpp"

namespace lanrage::portmap {

// The IPv4 router of the default route, as the system says at this moment.
std::optional<IpAddress> default_gateway();

// The address from which this machine speaks to the internet; nothing without a route to it.
std::optional<IpAddress> own_address();

// An address that the whole internet could reach.
bool is_of_the_internet(const IpAddress& address);

}  // namespace lanrage::portmap
