// Any datagram from the router's port: an answer that is understood holds together, and belongs to
// the request that it repeats.
#include "portmap/pcp.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage::portmap;
  const auto answer = pcp::parse({data, size});
  if (!answer) {
    if (answer.error().message().empty()) std::abort();
    return 0;
  }
  if (answer->lifetime.count() < 0 || answer->lifetime > pcp::kMaxLifetime) std::abort();
  pcp::MapRequest request;
  request.nonce = answer->nonce;
  request.protocol = answer->protocol;
  request.internal_port = answer->internal_port;
  request.external_port = answer->external_port;
  request.external_address = answer->external_address;
  if (!answer->answers(request) || pcp::encode(request).size() != pcp::kMapSize) std::abort();
  if (pcp::explain(answer->result).empty()) std::abort();
  return 0;
}
