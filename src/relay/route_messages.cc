#include "relay/route_messages.hpp"

#include "relay/bind_messages.hpp"

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
  return client_statement("lanrage/v1/relay-route", routes, relay, boot_id, nonce, observed);
}

}  // namespace lanrage::relay
