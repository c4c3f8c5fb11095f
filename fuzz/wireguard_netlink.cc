// Answers of the kernel's WireGuard; the first byte says where the input is cut into two datagrams.
#include <cstdlib>

#include "wireguard/netlink.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  using namespace lanrage::wireguard;
  if (size == 0) return 0;
  const ByteView input{data + 1, size - 1};
  (void)netlink::parse_family_reply(input);
  const auto cut = std::min<std::size_t>(data[0] * 4u, input.size());
  netlink::DumpParser parser;
  if (!parser.add(input.first(cut)) || !parser.add(input.subspan(cut))) return 0;
  const auto config = config_of(std::move(parser).take());
  // What was reported can be asked for again, in messages no larger than allowed.
  const DeviceConfig empty{.private_key = config.private_key};
  const auto operations = diff(config, empty);
  const auto messages = netlink::encode_set(31, "lanrage0", operations, 1);
  if (!messages) std::abort();
  for (const auto& message : *messages) {
    if (message.size() > netlink::kMaxMessage) std::abort();
  }
  return 0;
}
