// A hosts file: whatever stands in it is the same after our block came and went.
#include <cstdlib>

#include "base/bytes.hpp"
#include "lan/hosts_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  static const lan::NameTable names{{"anna.lan", IpAddress::v4(0x0a420001)},
                                    {"ben.lan", IpAddress::v4(0x0a420002)}};
  const auto text = as_text({data, size});
  const auto without = lan::with_hosts_block(text, "k7", {});
  if (text.find("# lanrage k7") == text.npos && without != text) std::abort();
  const auto with = lan::with_hosts_block(without, "k7", names);
  if (lan::with_hosts_block(with, "k7", names) != with) std::abort();
  if (lan::with_hosts_block(with, "k7", {}) != without) std::abort();
  return 0;
}
