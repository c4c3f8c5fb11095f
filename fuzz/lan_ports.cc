// Ports that a player names, one a line, opened and closed in turns.
#include <cstdlib>

#include "base/bytes.hpp"
#include "base/lines.hpp"
#include "lan/access.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  lan::Access access;
  bool opens = false;
  for_each_line(as_text({data, size}), [&](std::string_view line) {
    const auto range = lan::PortRange::parse(line);
    if (!range) return;
    if (range->first == 0 || range->first > range->last) std::abort();
    if (lan::PortRange::parse(range->to_string()) != *range) std::abort();
    opens = !opens;
    const auto done = opens ? access.open(*range) : access.close(*range);
    if (!done) return;
    if (opens && access.ports().within(*range) != lan::PortSet{*range}) std::abort();
    if (!opens && !access.opened.within(*range).empty()) std::abort();
    if (access.opened.ranges().size() > lan::kMostOpened) std::abort();
  });
  return 0;
}
