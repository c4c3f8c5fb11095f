#include "relay/route_messages.hpp"

#include "crypto/hash.hpp"

namespace lanrage::relay {
namespace {

constexpr std::size_t kRouteSize = 36;

}  // namespace

Bytes encode_routes(std::span<const Route> routes) {
  ByteWriter writer;
  for (const Route& route : routes)
    writer.raw(route.mac1_key).u32(route.receiver_index);
  return std::move(writer).take();
}

std::optional<std::vector<Route>> decode_routes(ByteView value) {
  const std::size_t count = value.size() / kRouteSize;
  if (value.size() % kRouteSize != 0 || count == 0 || count > kMaxRoutesAMessage)
    return std::nullopt;
  std::vector<Route> out(count);
  ByteReader reader(value);
  for (Route& route : out) {
    route.mac1_key = reader.array<32>();
    route.receiver_index = reader.u32();
  }
  return out;
}

Bytes route_statement(ByteView routes, const RelayId& relay, std::uint64_t boot_id, ByteView nonce,
                      const Endpoint& observed) {
  ByteWriter writer;
  writer.text("lanrage/v1/relay-route")
      .u8(0)
      .raw(crypto::sha256(routes))
      .raw(relay.bytes)
      .u64(boot_id)
      .counted16(nonce)
      .counted16(observed.address.bytes())
      .u16(observed.port);
  return std::move(writer).take();
}

}  // namespace lanrage::relay
