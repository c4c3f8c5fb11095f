// A relay in several shards, each the business of one thread: what they tell each other, as values
// (docs/adr/0017). The first shard admits clients; the one whose socket a client's packets come to
// is the client's home, and has its sessions and its buckets.
#pragma once

#include <cstdint>
#include <variant>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "relay/budget.hpp"
#include "relay/client_table.hpp"
#include "relay/session_table.hpp"

namespace lanrage::relay {

struct Shard {
  std::uint32_t number = 0;
  std::uint32_t count = 1;
};
inline constexpr std::uint32_t kAdmitting = 0;

// To the admitting shard: a bind whose sender has proved that he receives at `from`.
struct BindRequest {
  Endpoint from;
  IpAddress local;
  std::uint32_t home = 0;
  Bytes packet;
};

// To the home of `target`: an initiation that is paid for.
struct PassedInitiation {
  ClientRef source;
  ClientRef target;
  std::uint32_t sender_index = 0;
  Bytes packet;
};

// To the home of `initiator`: an answer that was awaited, and is paid for.
struct PassedResponse {
  ClientRef responder;
  ClientRef initiator;
  std::uint32_t responder_index = 0;
  std::uint32_t initiator_index = 0;
  Bytes packet;
};

// Back to the home of `responder`: the session is there.
struct Answered {
  ClientRef responder;
  ClientRef initiator;
  std::uint32_t initiator_index = 0;
};

// To a client's new home, from the one it had.
struct MovedClient {
  ClientRef client;
  TrafficPacer traffic;
  Traffic carried;
  Shares of_group;
  Shares of_address;
  Pacer initiations;
  Pacer routes;
  ClientSessions sessions;
};

using ShardMessage = std::variant<ClientUpdate, BindRequest, PassedInitiation, PassedResponse,
                                  Answered, MovedClient>;

struct Posted {
  std::uint32_t to = 0;  // shard
  ShardMessage message;
};

// The packet that it carries; empty when it carries none.
inline ByteView packet_of(const ShardMessage& message) {
  return std::visit(
      [](const auto& each) -> ByteView {
        if constexpr (requires { each.packet; })
          return each.packet;
        else
          return {};
      },
      message);
}

}  // namespace lanrage::relay
