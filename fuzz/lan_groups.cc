// /proc/net/igmp and /proc/net/igmp6.
#include <cstdlib>

#include "lan/groups.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  const auto text = as_text({data, size});
  auto joined = lan::parse_igmp(text);
  const auto v6 = lan::parse_igmp6(text);
  joined.insert(joined.end(), v6.begin(), v6.end());
  for (const auto& [interface, group] : joined)
    if (interface.empty() || !group.is_multicast()) std::abort();
  if (lan::groups_to_join(joined, {"lan0"}).size() > lan::kMostGroups) std::abort();
  return 0;
}
