#include "agent/network_place.hpp"

#include <algorithm>

#include "agent/local_addresses.hpp"
#include "io/route_lookup.hpp"

namespace lanrage::agent {

NetworkPlace network_place() {
  NetworkPlace out;
  out.addresses = local_addresses({}, Interfaces::with_carrier);
  std::ranges::sort(out.addresses);
  io::RouteLookup routes;
  for (const bool v6 : {false, true})
    if (const auto source = routes.source_to_internet(v6)) out.sources.push_back(*source);
  return out;
}

}  // namespace lanrage::agent
