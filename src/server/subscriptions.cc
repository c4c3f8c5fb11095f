// Sessions: who is told what of a party, from subscribing to the event that ends it.
#include <algorithm>

#include "protocol/messages.hpp"
#include "server/party_views.hpp"
#include "server/sessions.hpp"

namespace lanrage::server {

namespace ws = protocol::ws;
using protocol::Errc;

namespace {

// Bytes. With more than this waiting, the snapshot of a further party waits too.
constexpr std::size_t kRoomForSnapshot = 128 * 1024;

}  // namespace

Result<void> Sessions::subscribe(Session& session, const PartyId& id, const ws::Resume* known) {
  const auto found = service_->member_party(session.caller.peer, id);
  if (!found) return std::unexpected(found.error());
  const party::Party& party = **found;
  const bool fresh = !session.parties.contains(id);
  if (fresh && session.parties.size() >= limits_.parties_a_session)
    return fail(Errc::limit_reached, "one connection serves at most " +
                                         std::to_string(limits_.parties_a_session) + " parties");

  const PeerId self = session.caller.peer;
  const UnixTime now = parts_.clock.unix_time();
  if (fresh) {
    session.parties[id] = {};
    subscribers_[id].push_back(&session);
    if (parts_.presence.subscribed(id, self)) presence_changed(id, self);
  }
  const Resumed how = known ? how_to_resume(party, *known) : Resumed::snapshot;
  if (known) parts_.metrics.resumed(how);
  if (session.socket->queued_bytes() > kRoomForSnapshot)
    session.stale.insert(id);
  else if (how == Resumed::snapshot)
    send_snapshot(session, party);
  else
    replay(session, party, known->seq);
  for (auto& waiting : parts_.signals.take(id, self, now))
    send(session, ws::Signal{id, waiting.from_peer_id, std::move(waiting.signal_data)});
  return {};
}

Resumed Sessions::how_to_resume(const party::Party& party, const ws::Resume& known) const {
  if (known.incarnation != service_->identity().incarnation || known.seq > party.seq ||
      known.seq == 0)
    return Resumed::snapshot;
  if (known.seq == party.seq) return Resumed::nothing;
  return party.entry(known.seq + 1) ? Resumed::journal : Resumed::snapshot;
}

// What was missed, then who is there now: that isn't journaled.
void Sessions::replay(Session& session, const party::Party& party, std::uint64_t after) {
  for (auto seq = after + 1; seq <= party.seq; ++seq) {
    auto message = message_of(party, *party.entry(seq), parts_.presence);
    if (!message) continue;
    // Boxes of earlier epochs aren't kept.
    if (auto* rotated = std::get_if<ws::KeyRotated>(&*message))
      if (rotated->key_epoch == party.ledger.key_epoch())
        rotated->box = box_of(party, session.caller.peer);
    send(session, *message);
  }
  for (const auto& [peer, member] : party.ledger.members()) {
    const auto state = parts_.presence.of(party.id(), peer);
    send(session, ws::Presence{party.id(), peer, state.online, state.last_seen});
  }
  send(session, ws::CaughtUp{party.id(), party.seq, party.digest()});
}

bool Sessions::show_removal(Session& session, const PartyId& id) {
  const PeerId self = session.caller.peer;
  const auto* party = parts_.registry.find(id);
  if (!party || party->serves(self) || party->barred.contains(self)) return false;
  if (session.socket->queued_bytes() > kRoomForSnapshot) return false;
  const party::JournalEntry* entry = nullptr;
  for (auto seq = party->seq; (entry = party->entry(seq)) != nullptr; --seq)
    if (std::ranges::find(entry->removed, self) != entry->removed.end()) break;
  if (entry == nullptr) return false;
  const auto records = party->records_of(*entry);
  ws::Kicked kicked{id, entry->seq, self, "kicked", {records.begin(), records.end()}, {}};
  const auto end = static_cast<std::ptrdiff_t>(entry->first_record + entry->records);
  kicked.log.emplace(party->log.begin(), party->log.begin() + end);
  send(session, kicked);
  return true;
}

void Sessions::send_snapshot(Session& session, const party::Party& party) {
  send(session,
       ws::PartyUpdate{party_view(party, parts_.presence), service_->identity().incarnation,
                       box_of(party, session.caller.peer)});
  send(session, ws::CaughtUp{party.id(), party.seq, party.digest()});
}

void Sessions::send_stale(Session& session) {
  while (!session.stale.empty() && session.socket->queued_bytes() == 0) {
    const auto next = session.stale.extract(session.stale.begin());
    const auto* party = parts_.registry.find(next.value());
    if (party && session.parties.contains(next.value())) send_snapshot(session, *party);
  }
}

void Sessions::unsubscribe(Session& session, const PartyId& party, bool clean) {
  const PeerId peer = session.caller.peer;
  if (parts_.presence.unsubscribed(party, peer, clean) && !stopping_) presence_changed(party, peer);
}

void Sessions::drop_subscriber(const PartyId& party, const Session& session) {
  const auto found = subscribers_.find(party);
  if (found == subscribers_.end()) return;
  std::erase_if(found->second, [&](const Session* other) { return other->id == session.id; });
  if (found->second.empty()) subscribers_.erase(found);
}

void Sessions::announce(const PartyId& party, const ws::ServerMessage& message,
                        const PeerId* except) {
  const auto found = subscribers_.find(party);
  if (found == subscribers_.end()) return;
  const auto text = std::make_shared<const std::string>(ws::to_json(message));
  for (Session* session : found->second)
    // Who waits for a snapshot finds it all in there.
    if (!session->closing && !session->stale.contains(party) &&
        (!except || session->caller.peer != *except))
      session->socket->send(text);
}

bool Sessions::deliver(const PartyId& party, const PeerId& to, const ws::ServerMessage& message) {
  const auto found = subscribers_.find(party);
  if (found == subscribers_.end()) return false;
  bool delivered = false;
  for (Session* session : found->second)
    if (session->caller.peer == to && !session->closing) {
      send(*session, message);
      delivered = true;
    }
  return delivered;
}

void Sessions::presence_changed(const PartyId& party, const PeerId& peer) {
  if (feed_.changed(party, peer, parts_.clock.monotonic())) tell_presence_of(party, peer);
}

void Sessions::tell_presence_of(const PartyId& party, const PeerId& peer) {
  const auto state = parts_.presence.of(party, peer);
  announce(party, ws::Presence{party, peer, state.online, state.last_seen}, &peer);
}

void Sessions::tell_presence() {
  for (const auto& [party, peer] : feed_.take_due(parts_.clock.monotonic()))
    tell_presence_of(party, peer);
}

void Sessions::announce_rotation(const party::Party& party, ws::KeyRotated message) {
  const ws::Kicked farewell{party.id(), message.seq, {}, "kicked", message.records, {}};
  for (Session* session : subscribers_[party.id()]) {
    if (session->closing) continue;
    const PeerId peer = session->caller.peer;
    if (std::ranges::find(message.removed, peer) != message.removed.end()) {
      ws::Kicked kicked = farewell;
      kicked.peer_id = peer;
      send(*session, kicked);
    } else {
      message.box = box_of(party, peer);
      send(*session, message);
    }
  }
}

void Sessions::end_subscriptions(const PartyId& party, const PeerId* member) {
  const auto found = subscribers_.find(party);
  if (found == subscribers_.end()) return;
  std::erase_if(found->second, [&](Session* session) {
    if (member && session->caller.peer != *member) return false;
    session->parties.erase(party);
    session->stale.erase(party);
    return true;
  });
  if (found->second.empty()) subscribers_.erase(found);
}

void Sessions::on_event(const party::Party& party, const party::Event& event) {
  const PartyId id = party.id();
  if (subscribers_.contains(id))
    if (auto message = message_of(party, *party.entry(event.seq), parts_.presence)) {
      if (auto* rotated = std::get_if<ws::KeyRotated>(&*message))
        announce_rotation(party, std::move(*rotated));
      else
        announce(id, *message);
    }
  switch (event.type) {
    using enum party::EventType;
    case party_closed:
      feed_.forget(id);
      return end_subscriptions(id, nullptr);
    case peer_left:
    case peer_barred:
      feed_.forget(id, event.subject);
      return end_subscriptions(id, &event.subject);
    case key_rotated:
      for (const auto& peer : event.removed) {
        feed_.forget(id, peer);
        end_subscriptions(id, &peer);
      }
      return;
    case created:
    case peer_joined:
    case peer_updated:
    case invite_added:
    case charter_changed:
      return;
  }
}

}  // namespace lanrage::server
