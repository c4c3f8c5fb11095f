// Parties as the protocol shows them to members.
#pragma once

#include "party/party_state.hpp"
#include "protocol/websocket_messages.hpp"
#include "server/presence.hpp"

namespace lanrage::server {

protocol::Peer peer_view(const party::Party& party, const party::Member& member,
                         const Presence& presence);
std::vector<protocol::Peer> peer_views(const party::Party& party, const Presence& presence);
protocol::Party party_view(const party::Party& party, const Presence& presence);

// The box with the party key that waits for a member, if there is one.
std::optional<Bytes> box_of(const party::Party& party, const PeerId& peer);

// What an event that has just been committed tells the members.
protocol::ws::ServerMessage message_of(const party::Party& party, const party::Event& event,
                                       const Presence& presence);

party::Hints hints_from(const std::optional<protocol::NatType>& nat_type,
                        const std::optional<Endpoint>& public_endpoint);
party::Hints hints_from(const std::optional<protocol::Hints>& hints);

}  // namespace lanrage::server
