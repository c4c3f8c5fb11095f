// WireGuard's packet headers and mac1, as anybody on the internet may send them.
#include <cstdlib>

#include "wireguard/packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  using namespace lanrage::wireguard;
  const ByteView input{data, size};
  const auto packet = classify(input);
  const bool matches = mac1_matches(input, Mac1Key{});
  if (!packet) {
    if (matches) std::abort();
    return 0;
  }
  if (size < kMinDataSize || data[0] != static_cast<std::uint8_t>(packet->type)) std::abort();
  return 0;
}
