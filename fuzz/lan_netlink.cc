// Answers to dumps of a device's tables; the first byte says where the input is cut in two.
#include <algorithm>
#include <cstdlib>

#include "lan/netlink.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  using namespace lanrage::lan;
  if (size == 0) return 0;
  constexpr std::uint32_t kIndex = 7;
  const ByteView input{data + 1, size - 1};
  const auto cut = std::min<std::size_t>(data[0] * 4u, input.size());
  netlink::TablesParser parser(kIndex);
  if (!parser.add(input.first(cut)) || !parser.add(input.subspan(cut))) return 0;
  // What was told can be set again, and then is told the same.
  const auto tables = std::move(parser).take();
  netlink::TablesParser again(kIndex);
  for (const auto& operation : diff(tables, {}))
    if (!again.add(netlink::encode(operation, kIndex, 1))) std::abort();
  if (!(std::move(again).take() == tables)) std::abort();
  return 0;
}
