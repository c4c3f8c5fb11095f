#include "server/party_views.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace lanrage::server {

namespace ws = protocol::ws;

namespace {

// What no record says of a peer: its hints, and whether it is there.
void add_unsigned(protocol::Peer& peer, const party::Hints& hints, const PresenceState& presence) {
  if (hints.nat_type) peer.nat_type = protocol::nat_type_from(*hints.nat_type);
  peer.public_endpoint = hints.public_endpoint;
  peer.online = presence.online;
  if (presence.last_seen != UnixTime{}) peer.last_seen = presence.last_seen;
}

}  // namespace

protocol::Peer peer_view(const party::Party& party, const party::Member& member,
                         const Presence& presence) {
  protocol::Peer peer;
  peer.peer_id = member.id;
  peer.identity = member.identity;
  peer.nick = member.nick;
  peer.vip = member.vip;
  peer.wireguard_key = member.wireguard;
  peer.box_key = member.box;
  const auto info = party.peers.find(member.id);
  const bool known = info != party.peers.end();
  if (known) peer.joined_seq = info->second.joined_seq;
  add_unsigned(peer, known ? info->second.hints : party::Hints{},
               presence.of(party.id(), member.id));
  return peer;
}

std::vector<protocol::Peer> peer_views(const party::Party& party, const Presence& presence) {
  std::vector<protocol::Peer> out;
  for (const auto& [id, member] : party.ledger.members())
    out.push_back(peer_view(party, member, presence));
  return out;
}

protocol::Party party_view(const party::Party& party, const Presence& presence,
                           std::uint64_t log_from) {
  protocol::Party out;
  out.id = party.id();
  out.name = party.ledger.charter().name;
  out.prefix = party.ledger.charter().prefix;
  out.host_id = party.ledger.host_id();
  out.key_epoch = party.ledger.key_epoch();
  out.seq = party.seq;
  out.created_at = party.created_at;
  out.log_from = std::min<std::uint64_t>(log_from, party.log.size());
  out.log.assign(party.log.begin() + static_cast<std::ptrdiff_t>(out.log_from), party.log.end());
  out.peers = peer_views(party, presence);
  out.digest = party.digest();
  return out;
}

std::optional<Bytes> box_of(const party::Party& party, const PeerId& peer) {
  const auto* member = party.ledger.member(peer);
  const auto* box = member ? party.box_for(member->box) : nullptr;
  return box ? std::optional(*box) : std::nullopt;
}

namespace {

std::vector<Bytes> records_of(const party::Party& party, const party::JournalEntry& entry) {
  const auto records = party.records_of(entry);
  return {records.begin(), records.end()};
}

// The first record of this type among an event's.
template <class Body>
std::optional<Body> first(const party::Party& party, const party::JournalEntry& entry) {
  for (const auto& record : party.records_of(entry))
    if (auto body = party::read_record<Body>(record)) return std::move(*body);
  return std::nullopt;
}

ws::ServerMessage joined(const party::Party& party, const party::JournalEntry& entry,
                         const Presence& presence) {
  ws::PeerJoined out{party.id(), entry.seq, {}, records_of(party, entry)};
  out.peer.peer_id = entry.subject;
  out.peer.joined_seq = entry.seq;
  if (const auto admission = first<party::Admission>(party, entry)) {
    out.peer.identity = admission->identity;
    out.peer.wireguard_key = admission->wireguard;
    out.peer.box_key = admission->box;
  }
  if (const auto statement = first<party::Statement>(party, entry)) {
    out.peer.nick = statement->nick;
    out.peer.vip = statement->vip;
  }
  add_unsigned(out.peer, entry.hints, presence.of(party.id(), entry.subject));
  return out;
}

ws::ServerMessage updated(const party::Party& party, const party::JournalEntry& entry) {
  ws::PeerUpdated out;
  out.party_id = party.id();
  out.seq = entry.seq;
  out.peer_id = entry.subject;
  if (const auto statement = first<party::Statement>(party, entry)) {
    out.nick = statement->nick;
    out.vip = statement->vip;
  }
  if (entry.hints.nat_type) out.nat_type = protocol::nat_type_from(*entry.hints.nat_type);
  out.public_endpoint = entry.hints.public_endpoint;
  out.records = records_of(party, entry);
  return out;
}

ws::ServerMessage charter_changed(const party::Party& party, const party::JournalEntry& entry) {
  const auto host_of = [](const party::Charter& charter) { return party::peer_id(charter.host); };
  std::optional<PeerId> before;
  for (auto n = entry.first_record; n > 0 && !before; --n)
    if (auto charter = party::read_record<party::Charter>(party.log[n - 1]))
      before = host_of(*charter);
  const auto charter = first<party::Charter>(party, entry);
  const PeerId host = charter ? host_of(*charter) : party.ledger.host_id();
  if (before == host) return ws::CharterChanged{party.id(), entry.seq, records_of(party, entry)};
  return ws::HostChanged{party.id(), entry.seq, host, records_of(party, entry)};
}

}  // namespace

std::optional<ws::ServerMessage> message_of(const party::Party& party,
                                            const party::JournalEntry& entry,
                                            const Presence& presence) {
  const PartyId id = party.id();
  switch (entry.type) {
    using enum party::EventType;
    case created:
      return std::nullopt;
    case peer_joined:
      return joined(party, entry, presence);
    case peer_updated:
      return updated(party, entry);
    case peer_left:
      return ws::PeerLeft{id, entry.seq, entry.subject, "left", records_of(party, entry)};
    case invite_added: {
      const auto invite = first<party::Invite>(party, entry);
      return ws::InviteAdded{id, entry.seq,
                             invite ? party::invite_id(invite->terms.invite_key) : InviteId{},
                             records_of(party, entry)};
    }
    case key_rotated: {
      const auto roster = first<party::Roster>(party, entry);
      return ws::KeyRotated{id,
                            entry.seq,
                            roster ? roster->key_epoch : party.ledger.key_epoch(),
                            entry.removed,
                            records_of(party, entry),
                            {}};
    }
    case charter_changed:
      return server::charter_changed(party, entry);
    case peer_barred:
      return ws::Kicked{id, entry.seq, entry.subject, "barred", {}, {}};
    case party_closed:
      break;
  }
  return ws::PartyClosed{
      id, entry.seq, std::string(entry.close_reason ? name_of(*entry.close_reason) : "unknown")};
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

std::vector<party::SealedBox> boxes_from(const std::vector<protocol::SealedBox>& boxes) {
  std::vector<party::SealedBox> out;
  out.reserve(boxes.size());
  for (const auto& box : boxes)
    out.push_back({box.recipient, box.box});
  return out;
}

}  // namespace lanrage::server
