// Control-plane messages <-> JSON. Reading: unknown fields are ignored; wrong types, duplicate
// keys, bad UTF-8, nesting deeper than kMaxDepth and oversized fields are refused with an error
// that names the field ("peers[3].vip: expected an IPv4 address, got \"x\"").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/problem.hpp"
#include "protocol/rest.hpp"
#include "protocol/websocket_messages.hpp"

namespace lanrage::protocol {

// For every struct of rest.hpp, and for Peer, Party, Relay and RelayGrant.
template <class Message>
Result<Message> parse(std::string_view json);
template <class Message>
std::string to_json(const Message& message);

namespace ws {

// unknown_type for a type that this version doesn't know: a client ignores such a message, a
// server answers with the error.
Result<ClientMessage> parse_client_message(std::string_view json);
Result<ServerMessage> parse_server_message(std::string_view json);
// What an error names about a message that couldn't be taken: of these two whatever can be read.
struct Mentioned {
  std::optional<std::string> request_id;
  std::optional<PartyId> party_id;
};
Mentioned mentioned_in(std::string_view json);
// The message's `type`.
std::string_view type_name(const ClientMessage& message);
std::string to_json(const ClientMessage& message);
std::string to_json(const ServerMessage& message);

}  // namespace ws
}  // namespace lanrage::protocol
