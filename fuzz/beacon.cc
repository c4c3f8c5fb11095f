// Any datagram from the LAN: a beacon that is understood reads back as written, and is no larger
// than the question for it.
#include "agent/beacon.hpp"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  const ByteView input{data, size};
  const auto beacon = agent::parse_beacon(input);
  if (!beacon) return 0;
  const auto again = beacon->party ? agent::encode_party(beacon->nonce, *beacon->party)
                                   : agent::encode_question(beacon->nonce);
  if (!std::ranges::equal(again, input) || again.size() > agent::kBeaconSize) std::abort();
  return 0;
}
