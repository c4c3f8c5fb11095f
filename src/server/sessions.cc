#include "server/sessions.hpp"

#include <algorithm>

#include "protocol/messages.hpp"
#include "server/party_views.hpp"
#include "server/refusal.hpp"

namespace lanrage::server {

namespace ws = protocol::ws;
using protocol::Errc;

Sessions::Sessions(const Parts& parts, const Limits& limits)
    : parts_(parts),
      limits_(limits),
      feed_(limits.presence_wait),
      requests_(limits.requests_a_peer) {}

Sessions::Session* Sessions::open_session(SessionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() || found->second.closing ? nullptr : &found->second;
}

io::WebSocketOpened Sessions::accept(const Caller& caller) {
  return [this, caller](std::shared_ptr<io::WebSocket> socket) -> io::WebSocketEvents {
    auto& of_peer = by_peer_[caller.peer];
    // A client that reconnects while its dead connections aren't noticed yet must not be kept out.
    if (of_peer.size() >= limits_.sessions_a_peer)
      for (const SessionId oldest : of_peer)
        if (Session* session = open_session(oldest)) {
          close(*session,
                Error(Errc::limit_reached, "replaced by a newer connection of the same peer"));
          break;
        }
    const SessionId id = ++last_id_;
    Session session;
    session.id = id;
    session.socket = std::move(socket);
    session.caller = caller;
    session.opened = parts_.clock.monotonic();
    of_peer.push_back(id);
    sessions_.emplace(id, std::move(session));
    return {[this, id](const std::string& text) { on_text(id, text); },
            [this, id] { on_overflow(id); },
            [this, id](std::uint16_t code, const std::string&) { on_closed(id, code); }};
  };
}

void Sessions::send(Session& session, const ws::ServerMessage& message) {
  session.socket->send(std::make_shared<const std::string>(ws::to_json(message)));
}

void Sessions::refuse(Session& session, const Error& error,
                      const std::optional<std::string>& request_id,
                      const std::optional<PartyId>& party) {
  const auto problem = refusal_of(error, parts_.random);
  parts_.metrics.refused(error.code());
  if (is_denial(problem))
    parts_.audit.denied("/ws", error.code(), session.caller.peer, session.caller.remote);
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
  Session* session = open_session(id);
  if (!session) return;
  if (!may_ask(session->caller.peer)) {
    parts_.metrics.rate_limited(RateLimit::messages);
    return refuse(*session, Error(Errc::rate_limited, "too many messages: this one was dropped"),
                  {}, {});
  }
  const auto message = ws::parse_client_message(text);
  if (!message) {
    const auto about = ws::mentioned_in(text);
    return refuse(*session, message.error(), about.request_id, about.party_id);
  }
  parts_.metrics.websocket_messages[ws::type_name(*message)].add();
  if (!session->greeted && !std::holds_alternative<ws::Hello>(*message))
    return close(*session, Error(Errc::invalid_field, "the first message must be hello", "type"));
  std::visit([&](const auto& typed) { on(*session, typed); }, *message);
}

void Sessions::on(Session& session, const ws::Hello& hello) {
  if (hello.version != protocol::kVersion)
    return close(session, Error(Errc::invalid_field,
                                "this server speaks version " + std::to_string(protocol::kVersion) +
                                    " of the protocol",
                                "version"));
  if (session.greeted)
    return refuse(session, Error(Errc::invalid_field, "hello comes once, at first", "type"), {},
                  {});
  session.greeted = true;
  ws::Welcome welcome;
  welcome.session = std::to_string(session.id);
  welcome.server_time = parts_.clock.unix_time();
  welcome.heartbeat_interval_s = static_cast<std::uint64_t>(limits_.heartbeat_interval.count());
  welcome.incarnation = service_->identity().incarnation;
  send(session, welcome);
  std::set<PartyId> named;  // each counts once: an answer can be much larger than its question
  for (const auto& resume : hello.resume) {
    if (!named.insert(resume.party_id).second) continue;
    if (auto done = subscribe(session, resume.party_id, &resume);
        !done && !show_removal(session, resume.party_id))
      refuse(session, done.error(), {}, resume.party_id);
  }
}

void Sessions::on(Session& session, const ws::Auth& auth) {
  const auto renewed = parts_.authentication.authenticate(auth.token);
  if (!renewed) return refuse(session, renewed.error(), {}, {});
  if (renewed->peer != session.caller.peer)
    return close(session, Error(Errc::peer_id_mismatch,
                                "the token is another peer's than this connection's"));
  session.caller.token = renewed->token_hash;
}

void Sessions::on(Session& session, const ws::Subscribe& request) {
  if (auto done = subscribe(session, request.party_id, nullptr); !done) {
    show_removal(session, request.party_id);
    return refuse(session, done.error(), request.request_id, request.party_id);
  }
  if (request.request_id)
    send(session, ws::Ack{*request.request_id, parts_.registry.find(request.party_id)->seq});
}

Done<protocol::PartyAnswer> Sessions::entered_later(const Session& session,
                                                    const std::string& request_id,
                                                    const std::optional<PartyId>& party) {
  return [this, id = session.id, request_id, party](const Result<protocol::PartyAnswer>& outcome) {
    Session* caller = open_session(id);
    if (!caller) return;
    if (!outcome) return refuse(*caller, outcome.error(), request_id, party);
    if (auto done = subscribe(*caller, outcome->party_id, nullptr); !done)
      return refuse(*caller, done.error(), request_id, outcome->party_id);
    send(*caller, ws::Ack{request_id, outcome->seq});
    if (outcome->relay)
      send(*caller, ws::RelayToken{outcome->party_id, request_id, *outcome->relay});
  };
}

Done<protocol::SeqAnswer> Sessions::answer_later(const Session& session,
                                                 const std::string& request_id,
                                                 const PartyId& party) {
  return [this, id = session.id, request_id, party](const Result<protocol::SeqAnswer>& outcome) {
    Session* caller = open_session(id);
    if (!caller) return;
    if (!outcome) return refuse(*caller, outcome.error(), request_id, party);
    send(*caller, ws::Ack{request_id, outcome->seq});
  };
}

void Sessions::on(Session& session, const ws::RegisterParty& message) {
  service_->create(session.caller, message.request,
                   entered_later(session, message.request.request_id, {}));
}

void Sessions::on(Session& session, const ws::JoinParty& message) {
  service_->join(session.caller, message.party_id, message.request,
                 entered_later(session, message.request.request_id, message.party_id));
}

void Sessions::on(Session& session, const ws::LeaveParty& message) {
  service_->leave(session.caller, message.party_id, session.caller.peer, message.request,
                  answer_later(session, message.request.request_id, message.party_id));
}

void Sessions::on(Session& session, const ws::UpdatePeer& message) {
  service_->update(session.caller, message.party_id, session.caller.peer, message.request,
                   answer_later(session, message.request.request_id, message.party_id));
}

void Sessions::on(Session& session, const ws::Heartbeat& heartbeat) {
  const auto party = service_->heartbeat(session.caller, heartbeat.party_id, heartbeat.peer_id);
  if (!party) return refuse(session, party.error(), {}, heartbeat.party_id);
  const auto subscription = session.parties.find(heartbeat.party_id);
  if (subscription == session.parties.end()) return;
  check_digest(session, **party, subscription->second, heartbeat);
}

void Sessions::check_digest(Session& session, const party::Party& party, Subscription& subscription,
                            const ws::Heartbeat& heartbeat) {
  using enum Subscription::Divergence;
  // A seq that we haven't reached is a client that knows another history. At an older one the
  // journal remembers what its digest was; beyond the journal it can't be told.
  const auto* entry = party.entry(heartbeat.seq);
  const bool diverged = heartbeat.seq > party.seq ||
                        (heartbeat.digest && entry && *heartbeat.digest != entry->digest);
  if (!diverged) {
    if (heartbeat.digest && entry && heartbeat.seq >= subscription.answered_seq)
      subscription.divergence = none;
    return;
  }
  // What it said before it can have read our answer isn't news.
  if (subscription.divergence != none && heartbeat.seq < subscription.answered_seq) return;
  parts_.metrics.divergences.add();
  if (subscription.divergence == none) {
    subscription = {answered, party.seq};
    return send_snapshot(session, party);
  }
  if (subscription.divergence == reported) return;
  subscription.divergence = reported;
  parts_.log.warning("divergence_persists",
                     {{"party", party.id().to_string()},
                      {"peer", session.caller.peer.to_string()},
                      {"seq", std::to_string(heartbeat.seq)},
                      {"detail", "the client's state differs even after a snapshot"}});
}

void Sessions::on(Session& session, const ws::SendSignal& signal) {
  auto sent =
      service_->post_signal(session.caller, signal.party_id, signal.to_peer_id, signal.signal_data);
  if (!sent) return refuse(session, sent.error(), signal.request_id, signal.party_id);
  if (signal.request_id) send(session, ws::Ack{*signal.request_id, {}});
}

void Sessions::on(Session& session, const ws::RelayTokenRequest& request) {
  auto grant = service_->relay_grant(session.caller, request.party_id, request.bind_key);
  if (!grant) return refuse(session, grant.error(), request.request_id, request.party_id);
  send(session, ws::RelayToken{request.party_id, request.request_id, std::move(*grant)});
}

void Sessions::on_overflow(SessionId id) {
  Session* session = open_session(id);
  if (!session) return;
  parts_.metrics.queue_overflows.add();
  for (const auto& [party, subscription] : session->parties)
    session->stale.insert(party);
  send_stale(*session);
}

void Sessions::on_closed(SessionId id, std::uint16_t code) {
  auto session = sessions_.extract(id);
  if (!session) return;
  const PeerId peer = session.mapped().caller.peer;
  if (const auto others = by_peer_.find(peer); others != by_peer_.end()) {
    std::erase(others->second, id);
    if (others->second.empty()) by_peer_.erase(others);
  }
  const bool clean =
      (code == io::kCloseNormal || code == io::kCloseGoingAway) && !session.mapped().closing;
  for (const auto& [party, subscription] : std::exchange(session.mapped().parties, {})) {
    drop_subscriber(party, session.mapped());
    unsubscribe(session.mapped(), party, clean);
  }
}

void Sessions::token_revoked(const TokenHash& token) {
  for (auto& [id, session] : sessions_)
    if (!session.closing && session.caller.token == token)
      close(session, Error(Errc::expired_token, "the token was revoked: register again"));
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
