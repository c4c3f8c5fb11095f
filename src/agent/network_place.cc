#include "agent/network_place.hpp"

#include <algorithm>

#include "agent/local_addresses.hpp"
#include "io/route_lookup.hpp"

namespace lanrage::agent {
namespace {

// Of documentation prefixes: they lead where everything unknown goes.
const IpAddress kAnywhere4 = IpAddress::v4(0xc6336401u);  // 198.51.100.1, TEST-NET-2
const IpAddress kAnywhere6 = *IpAddress::parse("2001:db8::1");

}  // namespace

NetworkPlace network_place() {
  NetworkPlace out;
  out.addresses = local_addresses({}, Interfaces::with_carrier);
  std::ranges::sort(out.addresses);
  io::RouteLookup routes;
  for (const auto& anywhere : {kAnywhere4, kAnywhere6})
    if (const auto source = routes.source_for(anywhere)) out.sources.push_back(*source);
  return out;
}

}  // namespace lanrage::agent
