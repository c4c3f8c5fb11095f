#include "server/party_views.hpp"

#include "crypto/hash.hpp"
#include "party/digest.hpp"

namespace lanrage::server {

namespace ws = protocol::ws;

protocol::Peer peer_view(const party::Party& party, const party::Member& member,
                         const Presence& presence) {
  protocol::Peer peer;
  peer.peer_id = member.id;
  peer.identity = member.identity;
  peer.nick = member.nick;
  peer.vip = member.vip;
  peer.wireguard_key = member.wireguard;
  peer.box_key = member.box;
  const auto state = presence.of(party.id(), member.id);
  peer.online = state.online;
  if (state.last_seen != UnixTime{}) peer.last_seen = state.last_seen;
  if (const auto info = party.peers.find(member.id); info != party.peers.end()) {
    peer.joined_seq = info->second.joined_seq;
    if (info->second.hints.nat_type)
      peer.nat_type = protocol::nat_type_from(*info->second.hints.nat_type);
    peer.public_endpoint = info->second.hints.public_endpoint;
  }
  return peer;
}

std::vector<protocol::Peer> peer_views(const party::Party& party, const Presence& presence) {
  std::vector<protocol::Peer> out;
  for (const auto& [id, member] : party.ledger.members())
    out.push_back(peer_view(party, member, presence));
  return out;
}

protocol::Party party_view(const party::Party& party, const Presence& presence) {
  protocol::Party out;
  out.id = party.id();
  out.name = party.ledger.charter().name;
  out.prefix = party.ledger.charter().prefix;
  out.host_id = party.ledger.host_id();
  out.key_epoch = party.ledger.key_epoch();
  out.seq = party.seq;
  out.created_at = party.created_at;
  out.log = party.log;
  out.peers = peer_views(party, presence);
  out.digest = party::digest(party.ledger, party.seq);
  return out;
}

std::optional<Bytes> box_of(const party::Party& party, const PeerId& peer) {
  const auto* member = party.ledger.member(peer);
  const auto* box = member ? party.box_for(member->box) : nullptr;
  return box ? std::optional(*box) : std::nullopt;
}

namespace {

ws::PeerUpdated patch_of(const party::Party& party, const party::Event& event) {
  ws::PeerUpdated patch;
  patch.party_id = party.id();
  patch.seq = event.seq;
  patch.peer_id = event.subject;
  patch.records = event.records;
  if (!event.records.empty())
    if (const auto* member = party.ledger.member(event.subject)) {
      patch.nick = member->nick;
      patch.vip = member->vip;
    }
  if (event.hints.nat_type) patch.nat_type = protocol::nat_type_from(*event.hints.nat_type);
  patch.public_endpoint = event.hints.public_endpoint;
  return patch;
}

}  // namespace

ws::ServerMessage message_of(const party::Party& party, const party::Event& event,
                             const Presence& presence) {
  const PartyId id = party.id();
  const auto peer = [&] {
    const auto* member = party.ledger.member(event.subject);
    return member ? peer_view(party, *member, presence) : protocol::Peer{};
  };
  switch (event.type) {
    case party::EventType::created:
      return ws::PartyUpdate{party_view(party, presence), {}, {}};
    case party::EventType::peer_joined:
      return ws::PeerJoined{id, event.seq, peer(), event.records};
    case party::EventType::peer_updated:
      return patch_of(party, event);
    case party::EventType::peer_left:
      return ws::PeerLeft{id, event.seq, event.subject, "left", event.records};
    case party::EventType::invite_added: {
      InviteId invite;
      if (!event.records.empty())
        if (auto record = party::read_record<party::Invite>(event.records.front()))
          invite = crypto::id_of<InviteId>(record->terms.invite_key.bytes);
      return ws::InviteAdded{id, event.seq, invite, event.records};
    }
    case party::EventType::party_closed:
      break;
  }
  return ws::PartyClosed{
      id, event.seq, std::string(event.close_reason ? name_of(*event.close_reason) : "unknown")};
}

party::Hints hints_from(const std::optional<protocol::NatType>& nat_type,
                        const std::optional<Endpoint>& public_endpoint) {
  party::Hints hints;
  if (nat_type) hints.nat_type = std::string(name_of(*nat_type));
  hints.public_endpoint = public_endpoint;
  return hints;
}

party::Hints hints_from(const std::optional<protocol::Hints>& hints) {
  return hints ? hints_from(hints->nat_type, hints->public_endpoint) : party::Hints{};
}

}  // namespace lanrage::server
