// Parties as the protocol shows them to members.
#pragma once

#include "party/party_state.hpp"
#include "protocol/websocket_messages.hpp"
#include "server/presence.hpp"

namespace lanrage::server {

protocol::Peer peer_view(const party::Party& party, const party::Member& member,
                         const Presence& presence);
std::vector<protocol::Peer> peer_views(const party::Party& party, const Presence& presence);
// Without the log's first `log_from` records.
protocol::Party party_view(const party::Party& party, const Presence& presence,
                           std::uint64_t log_from = 0);

// The box with the party key that waits for a member, if there is one.
std::optional<Bytes> box_of(const party::Party& party, const PeerId& peer);

// What a journaled event tells the members, to be sent when it is committed and to those who were
// away: the same text, but for presence, which is as of now. Boxes are the receiver's own: none is
// in it. Nothing for `created`, which nobody can have missed.
std::optional<protocol::ws::ServerMessage> message_of(const party::Party& party,
                                                      const party::JournalEntry& entry,
                                                      const Presence& presence);

party::Hints hints_from(const std::optional<protocol::NatType>& nat_type,
                        const std::optional<Endpoint>& public_endpoint);
party::Hints hints_from(const std::optional<protocol::Hints>& hints);
std::vector<party::SealedBox> boxes_from(const std::vector<protocol::SealedBox>& boxes);

}  // namespace lanrage::server
