// Routes: a client tells the relay to whom its own packets with a receiver index go, so that a
// session made elsewhere (directly, or through another relay) goes on here without a handshake.
// Over STUN's method route_relay, by a client that is bound:
//
//   client                                        relay
//     request  NONCE RELAY-ROUTES BIND-SIGNATURE  ->
//                                                 <-  success  ROUTES-TAKEN
//                                                 <-  error 438  as to a bind: the nonce ran out
//                                                 <-  error 403  the bind key didn't sign this
//
// An unbound source gets the relay's notice. A route ends inside the client's own group and counts
// like one learned from a handshake; it isn't taken while its receiver isn't bound.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "relay/token.hpp"

namespace lanrage::relay {

inline constexpr std::size_t kMaxRoutesAMessage = 8;

// Our data packets with this index (the receiver's) are for the client with this mac1 key.
struct Route {
  ByteArray<32> mac1_key{};
  std::uint32_t receiver_index = 0;
  friend bool operator==(const Route&, const Route&) = default;
};

// RELAY-ROUTES: key and big-endian index of each. Nothing unless there are 1 to 8 whole ones.
Bytes encode_routes(std::span<const Route> routes);
std::optional<std::vector<Route>> decode_routes(ByteView value);

// What the bind key signs: `routes` is RELAY-ROUTES' value.
Bytes route_statement(ByteView routes, const RelayId& relay, std::uint64_t boot_id, ByteView nonce,
                      const Endpoint& observed);

}  // namespace lanrage::relay
