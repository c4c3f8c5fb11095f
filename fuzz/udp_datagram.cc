// IP and UDP headers as raw sockets hand them over.
#include "base/udp_datagram.hpp"

#include <cstdlib>

namespace {

void within(lanrage::ByteView part, const std::uint8_t* data, std::size_t size) {
  if (part.empty()) return;
  if (part.data() < data || part.data() + part.size() > data + size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  const ByteView input{data, size};
  if (const auto udp = parse_udp(input)) within(udp->payload, data, size);
  if (const auto packet = parse_ipv4_udp(input)) within(packet->udp.payload, data, size);
  if (const auto packet = parse_ipv6_udp(input)) within(packet->udp.payload, data, size);
  return 0;
}
