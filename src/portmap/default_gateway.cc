#include "portmap/default_gateway.hpp"

#include <arpa/inet.h>
#include <natpmp.h>

#include "io/route_lookup.hpp"

namespace lanrage::portmap {

std::optional<IpAddress> default_gateway() {
  natpmp_t state{};
  if (initnatpmp(&state, 0, 0) != 0) return std::nullopt;
  const auto gateway = IpAddress::v4(ntohl(state.gateway));
  closenatpmp(&state);
  if (gateway.is_unspecified()) return std::nullopt;
  return gateway;
}

std::optional<IpAddress> own_address() {
  const auto address = io::RouteLookup().source_to_internet(false);
  if (!address) return std::nullopt;
  return *address;
}

bool is_of_the_internet(const IpAddress& address) {
  return !address.is_private() && !address.is_loopback() && !address.is_link_local() &&
         !address.is_unspecified() && !address.is_multicast();
}

}  // namespace lanrage::portmap
