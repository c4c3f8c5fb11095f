// What the system bus sends.
#include <cstdlib>

#include "lan/dbus.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  const ByteView bytes{data, size};
  const auto length = lan::dbus_size(bytes);
  if (length && (*length > lan::kMostDbusBytes || *length < lan::kDbusFixedHeader)) std::abort();
  if (lan::parse_dbus(bytes) && length != size) std::abort();
  return 0;
}
