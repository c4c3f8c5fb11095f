// A datagram to our name server.
#include <cstdlib>

#include "lan/dns.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  static const lan::NameTable names{{"anna.lan", IpAddress::v4(0x0a420001)},
                                    {"ben.night.lan", IpAddress::v4(0x0a420002)}};
  const auto answer = lan::answer_query({data, size}, names);
  if (answer.empty()) return 0;
  // An answer, to that query, at most an address and an OPT record longer.
  if (size < 12 || answer.size() < 12 || answer.size() > size + 16 + 11) std::abort();
  if (answer[0] != data[0] || answer[1] != data[1] || (answer[2] & 0x80) == 0) std::abort();
  return 0;
}
