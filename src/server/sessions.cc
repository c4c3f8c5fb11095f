#include "server/sessions.hpp"

#include "party/digest.hpp"
#include "protocol/messages.hpp"
#include "server/party_views.hpp"
#include "server/refusal.hpp"

namespace lanrage::server {

namespace ws = protocol::ws;
using protocol::Errc;

namespace {

// Bytes. With more than this waiting, the snapshot of a further party waits too.
constexpr std::size_t kRoomForSnapshot = 128 * 1024;

}  // namespace

Sessions::Sessions(const Parts& parts, const Limits& limits)
    : parts_(parts), limits_(limits), messages_(limits.requests_a_peer) {}

std::vector<Sessions::SessionId> Sessions::of_peer(const PeerId& peer) const {
  std::vector<SessionId> out;
  for (const auto& [id, session] : sessions_)
    if (session.caller.peer == peer && !session.closing) out.push_back(id);
  return out;
}

io::WebSocketOpened Sessions::accept(const Caller& caller) {
  return [this, caller](std::shared_ptr<io::WebSocket> socket) -> io::WebSocketEvents {
    // A client that reconnects while its dead connections aren't noticed yet must not be kept out.
    if (const auto open = of_peer(caller.peer); open.size() >= limits_.sessions_a_peer)
      close(sessions_.at(open.front()),
            Error(Errc::limit_reached, "replaced by a newer connection of the same peer"));
    const SessionId id = ++last_id_;
    Session& session = sessions_[id];
    session.id = id;
    session.socket = std::move(socket);
    session.caller = caller;
    session.opened = parts_.clock.monotonic();
    return {[this, id](std::string text) { on_text(id, text); }, [this, id] { on_overflow(id); },
            [this, id](std::uint16_t code, std::string) { on_closed(id, code); }};
  };
}

void Sessions::send(Session& session, const ws::ServerMessage& message) {
  session.socket->send(std::make_shared<const std::string>(ws::to_json(message)));
}

void Sessions::refuse(Session& session, const Error& error,
                      const std::optional<std::string>& request_id,
                      const std::optional<PartyId>& party) {
  const auto problem = refusal_of(error, parts_.random);
  ws::ErrorMessage message;
  message.code = problem.code;
  message.message = problem.detail;
  if (!problem.field.empty()) message.field = problem.field;
  message.request_id = request_id;
  message.party_id = party;
  if (problem.retry_after_s)
    message.retry_after_s = static_cast<std::uint64_t>(*problem.retry_after_s);
  send(session, message);
}

void Sessions::close(Session& session, const Error& error) {
  refuse(session, error, {}, {});
  session.closing = true;
  session.socket->close(io::kClosePolicy, error.code());
}

void Sessions::on_text(SessionId id, const std::string& text) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.closing) return;
  Session& session = found->second;
  const auto& peer = session.caller.peer.bytes;
  if (!messages_.take(std::string(peer.begin(), peer.end()), parts_.clock.monotonic()))
    return refuse(session, Error(Errc::rate_limited, "too many messages: this one was dropped"), {},
                  {});
  const auto message = ws::parse_client_message(text);
  if (!message) return refuse(session, message.error(), {}, {});
  if (!session.greeted && !std::holds_alternative<ws::Hello>(*message))
    return close(session, Error(Errc::invalid_field, "the first message must be hello", "type"));
  std::visit([&](const auto& typed) { on(id, typed); }, *message);
}

void Sessions::on(SessionId id, const ws::Hello& hello) {
  Session& session = sessions_.at(id);
  if (hello.version != protocol::kVersion)
    return close(session, Error(Errc::invalid_field,
                                "this server speaks version " + std::to_string(protocol::kVersion) +
                                    " of the protocol",
                                "version"));
  session.greeted = true;
  ws::Welcome welcome;
  welcome.session = std::to_string(id);
  welcome.server_time = parts_.clock.unix_time();
  welcome.heartbeat_interval_s = static_cast<std::uint64_t>(limits_.heartbeat_interval.count());
  welcome.incarnation = service_->identity().incarnation;
  send(session, welcome);
  for (const auto& resume : hello.resume)
    if (auto done = subscribe(session, resume.party_id, &resume); !done)
      refuse(session, done.error(), {}, resume.party_id);
}

void Sessions::on(SessionId id, const ws::Auth& auth) {
  Session& session = sessions_.at(id);
  const auto renewed = parts_.authentication.authenticate(auth.token);
  if (!renewed) return refuse(session, renewed.error(), {}, {});
  if (renewed->peer != session.caller.peer)
    return close(session, Error(Errc::peer_id_mismatch,
                                "the token is another peer's than this connection's"));
  session.caller.token = renewed->token_hash;
}

void Sessions::on(SessionId id, const ws::Subscribe& request) {
  Session& session = sessions_.at(id);
  if (auto done = subscribe(session, request.party_id, nullptr); !done)
    return refuse(session, done.error(), request.request_id, request.party_id);
  if (request.request_id)
    send(session, ws::Ack{*request.request_id, parts_.registry.find(request.party_id)->seq});
}

void Sessions::answer_entered(SessionId id, const std::string& request_id,
                              const std::optional<PartyId>& party,
                              const Result<protocol::PartyAnswer>& outcome) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.closing) return;
  Session& session = found->second;
  if (!outcome) return refuse(session, outcome.error(), request_id, party);
  if (auto done = subscribe(session, outcome->party_id, nullptr); !done)
    return refuse(session, done.error(), request_id, outcome->party_id);
  send(session, ws::Ack{request_id, outcome->seq});
  if (outcome->relay) send(session, ws::RelayToken{outcome->party_id, request_id, *outcome->relay});
}

Done<protocol::SeqAnswer> Sessions::answer_later(SessionId id, const std::string& request_id,
                                                 const PartyId& party) {
  return [this, id, request_id, party](const Result<protocol::SeqAnswer>& outcome) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.closing) return;
    if (!outcome) return refuse(found->second, outcome.error(), request_id, party);
    send(found->second, ws::Ack{request_id, outcome->seq});
  };
}

void Sessions::on(SessionId id, const ws::RegisterParty& message) {
  service_->create(sessions_.at(id).caller, message.request,
                   [this, id, request_id = message.request.request_id](
                       const Result<protocol::PartyAnswer>& outcome) {
                     answer_entered(id, request_id, {}, outcome);
                   });
}

void Sessions::on(SessionId id, const ws::JoinParty& message) {
  service_->join(sessions_.at(id).caller, message.party_id, message.request,
                 [this, id, request_id = message.request.request_id,
                  party = message.party_id](const Result<protocol::PartyAnswer>& outcome) {
                   answer_entered(id, request_id, party, outcome);
                 });
}

void Sessions::on(SessionId id, const ws::LeaveParty& message) {
  const Caller& caller = sessions_.at(id).caller;
  service_->leave(caller, message.party_id, caller.peer, message.request,
                  answer_later(id, message.request.request_id, message.party_id));
}

void Sessions::on(SessionId id, const ws::UpdatePeer& message) {
  const Caller& caller = sessions_.at(id).caller;
  service_->update(caller, message.party_id, caller.peer, message.request,
                   answer_later(id, message.request.request_id, message.party_id));
}

Result<void> Sessions::subscribe(Session& session, const PartyId& id, const ws::Resume* known) {
  const auto party = service_->member_party(session.caller.peer, id);
  if (!party) return std::unexpected(party.error());
  const bool fresh = !session.parties.contains(id);
  if (fresh && session.parties.size() >= limits_.parties_a_session)
    return fail(Errc::limit_reached, "one connection serves at most " +
                                         std::to_string(limits_.parties_a_session) + " parties");

  const PeerId self = session.caller.peer;
  const UnixTime now = parts_.clock.unix_time();
  if (fresh) {
    session.parties[id] = 0;
    subscribers_[id][session.id] = &session;
    if (parts_.presence.subscribed(id, self, now))
      announce(id, ws::Presence{id, self, true, now}, &self);
  }
  if (known && known->incarnation == service_->identity().incarnation &&
      known->seq == (*party)->seq) {
    // Nothing was missed but who came and went.
    for (const auto& [peer, member] : (*party)->ledger.members()) {
      const auto state = parts_.presence.of(id, peer);
      send(session, ws::Presence{id, peer, state.online, state.last_seen});
    }
    send(session, ws::CaughtUp{id, (*party)->seq, party::digest((*party)->ledger, (*party)->seq)});
  } else if (session.socket->queued_bytes() > kRoomForSnapshot) {
    session.stale.insert(id);
  } else {
    send_snapshot(session, **party);
  }
  for (auto& waiting : parts_.signals.take(id, self, now))
    send(session, ws::Signal{id, waiting.from_peer_id, std::move(waiting.signal_data)});
  return {};
}

void Sessions::send_snapshot(Session& session, const party::Party& party) {
  send(session,
       ws::PartyUpdate{party_view(party, parts_.presence), service_->identity().incarnation,
                       box_of(party, session.caller.peer)});
  send(session, ws::CaughtUp{party.id(), party.seq, party::digest(party.ledger, party.seq)});
}

void Sessions::on(SessionId id, const ws::Heartbeat& heartbeat) {
  Session& session = sessions_.at(id);
  if (auto done = service_->heartbeat(session.caller, heartbeat.party_id, heartbeat.peer_id); !done)
    return refuse(session, done.error(), {}, heartbeat.party_id);
  const auto* party = parts_.registry.find(heartbeat.party_id);
  const auto subscription = session.parties.find(heartbeat.party_id);
  if (subscription == session.parties.end()) return;
  // A lower seq is a client that hasn't read what we sent. A higher one, or another digest at ours,
  // is a client that knows something else: once for each seq it gets the whole party.
  const bool diverged =
      heartbeat.seq > party->seq || (heartbeat.seq == party->seq && heartbeat.digest &&
                                     *heartbeat.digest != party::digest(party->ledger, party->seq));
  if (!diverged || subscription->second == party->seq) return;
  subscription->second = party->seq;
  send_snapshot(session, *party);
}

void Sessions::on(SessionId id, const ws::SendSignal& signal) {
  Session& session = sessions_.at(id);
  auto sent =
      service_->post_signal(session.caller, signal.party_id, signal.to_peer_id, signal.signal_data);
  if (!sent) return refuse(session, sent.error(), signal.request_id, signal.party_id);
  if (signal.request_id) send(session, ws::Ack{*signal.request_id, {}});
}

void Sessions::on(SessionId id, const ws::RelayTokenRequest& request) {
  Session& session = sessions_.at(id);
  auto grant = service_->relay_grant(session.caller, request.party_id, request.bind_key);
  if (!grant) return refuse(session, grant.error(), request.request_id, request.party_id);
  send(session, ws::RelayToken{request.party_id, request.request_id, std::move(*grant)});
}

void Sessions::on_overflow(SessionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.closing) return;
  for (const auto& [party, diverged] : found->second.parties)
    found->second.stale.insert(party);
  send_stale(found->second);
}

void Sessions::send_stale(Session& session) {
  while (!session.stale.empty() && session.socket->queued_bytes() == 0) {
    const auto next = session.stale.extract(session.stale.begin());
    const auto* party = parts_.registry.find(next.value());
    if (party && session.parties.contains(next.value())) send_snapshot(session, *party);
  }
}

void Sessions::on_closed(SessionId id, std::uint16_t code) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const bool clean = code == io::kCloseNormal || code == io::kCloseGoingAway;
  auto session = sessions_.extract(found);
  for (auto parties = std::exchange(session.mapped().parties, {});
       const auto& [party, n] : parties) {
    if (auto others = subscribers_.find(party); others != subscribers_.end()) {
      others->second.erase(id);
      if (others->second.empty()) subscribers_.erase(others);
    }
    unsubscribe(session.mapped(), party, clean && !session.mapped().closing);
  }
}

void Sessions::unsubscribe(Session& session, const PartyId& party, bool clean) {
  const PeerId peer = session.caller.peer;
  const UnixTime now = parts_.clock.unix_time();
  if (parts_.presence.unsubscribed(party, peer, clean, now) && !stopping_)
    announce(party, ws::Presence{party, peer, false, now}, &peer);
}

void Sessions::announce(const PartyId& party, const ws::ServerMessage& message,
                        const PeerId* except) {
  const auto found = subscribers_.find(party);
  if (found == subscribers_.end()) return;
  const auto text = std::make_shared<const std::string>(ws::to_json(message));
  for (const auto& [id, session] : found->second)
    if (!session->closing && (!except || session->caller.peer != *except))
      session->socket->send(text);
}

bool Sessions::deliver(const PartyId& party, const PeerId& to, const ws::ServerMessage& message) {
  const auto found = subscribers_.find(party);
  if (found == subscribers_.end()) return false;
  bool delivered = false;
  for (const auto& [id, session] : found->second)
    if (session->caller.peer == to && !session->closing) {
      send(*session, message);
      delivered = true;
    }
  return delivered;
}

void Sessions::on_event(const party::Party& party, const party::Event& event) {
  const PartyId id = party.id();
  announce(id, message_of(party, event, parts_.presence), nullptr);
  const bool all = event.type == party::EventType::party_closed;
  if (!all && event.type != party::EventType::peer_left) return;
  const auto found = subscribers_.find(id);
  if (found == subscribers_.end()) return;
  std::erase_if(found->second, [&](const auto& entry) {
    if (!all && entry.second->caller.peer != event.subject) return false;
    entry.second->parties.erase(id);
    return true;
  });
  if (found->second.empty()) subscribers_.erase(found);
}

void Sessions::check() {
  const Instant now = parts_.clock.monotonic();
  for (auto& [id, session] : sessions_) {
    if (session.closing) continue;
    if (!session.greeted && now - session.opened > limits_.hello_time)
      close(session, Error(Errc::request_timeout, "no hello came"));
    else if (!parts_.authentication.is_valid(session.caller.token))
      close(session, Error(Errc::expired_token, "the token has expired: register again"));
    else
      send_stale(session);
  }
}

}  // namespace lanrage::server
