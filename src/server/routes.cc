#include "server/routes.hpp"

#include <algorithm>

#include "protocol/messages.hpp"
#include "server/refusal.hpp"
#include "server/request_body.hpp"

namespace lanrage::server {

using protocol::Errc;

namespace {

// The parts of "a/*/b" against those of a path.
bool matches(std::string_view pattern, const std::vector<std::string>& parts) {
  std::size_t count = 0;
  for (std::size_t begin = 0; begin < pattern.size(); ++count) {
    const auto end = std::min(pattern.find('/', begin), pattern.size());
    const auto wanted = pattern.substr(begin, end - begin);
    if (count >= parts.size() || (wanted != "*" && wanted != parts[count])) return false;
    begin = end + 1;
  }
  return count == parts.size();
}

// Path parts 1 and 3 of /parties/{party}/peers/{peer}.
struct PartyAndPeer {
  PartyId party;
  PeerId peer;
};
Result<PartyAndPeer> party_and_peer(const std::vector<std::string>& parts) {
  const auto party = id_from<PartyId>(parts[1], "party_id");
  if (!party) return std::unexpected(party.error());
  const auto peer = id_from<PeerId>(parts[3], "peer_id");
  if (!peer) return std::unexpected(peer.error());
  return PartyAndPeer{*party, *peer};
}

io::HttpResponse no_content() {
  io::HttpResponse response;
  response.status = 204;
  return response;
}

}  // namespace

const std::vector<Routes::Route>& Routes::table() {
  using enum io::Method;
  static const std::vector<Route> kRoutes = {
      {get, "", false, &Routes::health},
      {get, "health/live", false, &Routes::live},
      {get, "health/ready", false, &Routes::live},
      {get, "info", false, &Routes::info},
      {post, "auth/challenge", false, &Routes::challenge},
      {post, "auth/register", false, &Routes::register_peer},
      {del, "auth/token", true, &Routes::revoke_token},
      {get, "relays", true, &Routes::relays},
      {post, "parties", true, &Routes::create_party},
      {get, "parties/*", true, &Routes::get_party},
      {del, "parties/*", true, &Routes::close_party},
      {post, "parties/*/join", true, &Routes::join_party},
      {get, "parties/*/peers", true, &Routes::get_peers},
      {get, "parties/*/peers/*", true, &Routes::get_peer},
      {patch, "parties/*/peers/*", true, &Routes::update_peer},
      {del, "parties/*/peers/*", true, &Routes::leave_party},
      {post, "parties/*/peers/*/heartbeat", true, &Routes::heartbeat},
      {post, "parties/*/relay-token", true, &Routes::relay_token},
      {post, "parties/*/invites", true, &Routes::add_invite},
      {post, "parties/*/invites/*/open", true, &Routes::open_invite},
      {post, "parties/*/signals", true, &Routes::post_signal},
      {get, "parties/*/signals", true, &Routes::get_signals},
  };
  return kRoutes;
}

Routes::Routes(const Parts& parts, const Limits& limits, PublicFacts facts)
    : parts_(parts),
      facts_(std::move(facts)),
      started_(parts.clock.unix_time()),
      by_address_(limits.requests_an_address),
      registrations_(limits.registrations_an_address),
      by_peer_(limits.requests_a_peer) {}

io::HttpResponse Routes::refusal(const Error& error) const {
  return io::HttpResponse::problem(refusal_of(error, parts_.random));
}

template <class T>
void Routes::answer(io::Responder responder, const Result<T>& result) const {
  if (!result) return responder.send(refusal(result.error()));
  if constexpr (std::is_void_v<T>)
    responder.send(no_content());
  else
    responder.send(io::HttpResponse::json(200, protocol::to_json(*result)));
}

template <class T>
Done<T> Routes::answer_later(io::Responder responder) const {
  return [this, responder = std::move(responder)](Result<T> result) mutable {
    answer(std::move(responder), result);
  };
}

Result<Caller> Routes::authenticate(const io::HttpRequest& request) const {
  const auto token = protocol::BearerToken::from_header(request.headers.find("authorization"));
  if (!token) return std::unexpected(token.error());
  const auto session = parts_.authentication.authenticate(*token);
  if (!session) return std::unexpected(session.error());
  return Caller{session->peer, session->token_hash, request.remote.address, request.local.address};
}

Result<void> Routes::within_rate(const io::HttpRequest& request) {
  if (by_address_.take(rate_key(request.remote.address), parts_.clock.monotonic())) return {};
  return fail(Errc::rate_limited, "too many requests from your address: wait a moment");
}

void Routes::on_request(io::HttpRequest http, io::Responder responder) {
  if (auto allowed = within_rate(http); !allowed) return responder.send(refusal(allowed.error()));
  auto segments = http.segments();
  if (!segments)
    return responder.send(refusal(Error(Errc::malformed_request, "the path is badly encoded")));

  std::string allow;
  for (const Route& route : table()) {
    if (!matches(route.pattern, *segments)) continue;
    if (route.method != http.method) {
      allow += (allow.empty() ? "" : ", ") + std::string(name_of(route.method));
      continue;
    }
    Request request{std::move(http), std::move(*segments), {}};
    if (route.needs_token) {
      auto caller = authenticate(request.http);
      if (!caller) return responder.send(refusal(caller.error()));
      const auto& id = caller->peer.bytes;
      if (!by_peer_.take(std::string(id.begin(), id.end()), parts_.clock.monotonic()))
        return responder.send(
            refusal(Error(Errc::rate_limited, "too many requests: wait a moment")));
      request.caller = *caller;
    }
    return (this->*route.handler)(request, std::move(responder));
  }
  if (allow.empty())
    return responder.send(
        refusal(Error(Errc::not_found, "nothing at " + std::string(http.path()))));
  auto response = refusal(Error(Errc::method_not_allowed, "allowed at this path: " + allow));
  response.headers.add("Allow", allow);
  responder.send(std::move(response));
}

std::variant<io::WebSocketOpened, io::HttpResponse> Routes::on_upgrade(
    const io::HttpRequest& request) {
  if (auto allowed = within_rate(request); !allowed) return refusal(allowed.error());
  if (request.path() != "/ws") return refusal(Error(Errc::not_found, "the WebSocket is at /ws"));
  const auto caller = authenticate(request);
  if (!caller) return refusal(caller.error());
  return parts_.sessions.accept(*caller);
}

void Routes::health(Request&, io::Responder responder) {
  protocol::HealthAnswer health;
  health.status = "ok";
  health.version = facts_.version;
  health.parties = parts_.registry.size();
  health.peers = parts_.registry.peers();
  health.connections = parts_.sessions.size();
  health.relays = parts_.relays.size();
  const auto uptime = std::chrono::floor<std::chrono::seconds>(parts_.clock.unix_time() - started_);
  health.uptime_s = static_cast<std::uint64_t>(std::max<std::int64_t>(0, uptime.count()));
  answer(std::move(responder), Result<protocol::HealthAnswer>(health));
}

void Routes::live(Request&, io::Responder responder) {
  answer(std::move(responder), Result<protocol::StatusAnswer>({"ok"}));
}

void Routes::info(Request& request, io::Responder responder) {
  protocol::InfoAnswer info;
  info.version = facts_.version;
  info.pin = facts_.pin;
  info.incarnation = parts_.service.identity().incarnation;
  info.relays = parts_.relays.relays(request.http.local.address);
  info.stun = parts_.relays.stun(request.http.local.address);
  info.create_policy = parts_.service.policy().kind;
  answer(std::move(responder), Result<protocol::InfoAnswer>(info));
}

void Routes::relays(Request& request, io::Responder responder) {
  answer(std::move(responder),
         Result<protocol::RelaysAnswer>({parts_.relays.relays(request.caller.reached)}));
}

void Routes::challenge(Request& request, io::Responder responder) {
  const auto body = read_body<protocol::ChallengeRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  if (!registrations_.take(rate_key(request.http.remote.address), parts_.clock.monotonic()))
    return responder.send(refusal(
        Error(Errc::rate_limited, "too many registrations from your address: wait a moment")));
  answer(std::move(responder),
         Result<protocol::ChallengeAnswer>(parts_.authentication.challenge(*body)));
}

void Routes::register_peer(Request& request, io::Responder responder) {
  const auto named = request.http.query("peer_id");
  if (!named)
    return responder.send(
        refusal(Error(Errc::missing_field, "expected /auth/register?peer_id=PEER", "peer_id")));
  const auto peer = id_from<PeerId>(*named, "peer_id");
  if (!peer) return responder.send(refusal(peer.error()));
  const auto body = read_body<protocol::RegisterRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  if (!registrations_.take(rate_key(request.http.remote.address), parts_.clock.monotonic()))
    return responder.send(refusal(
        Error(Errc::rate_limited, "too many registrations from your address: wait a moment")));
  parts_.authentication.register_peer(*peer, *body,
                                      answer_later<protocol::RegisterAnswer>(std::move(responder)));
}

void Routes::revoke_token(Request& request, io::Responder responder) {
  parts_.authentication.revoke(request.caller.token, answer_later<void>(std::move(responder)));
}

void Routes::create_party(Request& request, io::Responder responder) {
  const auto body = read_body<protocol::CreatePartyRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  parts_.service.create(request.caller, *body,
                        answer_later<protocol::PartyAnswer>(std::move(responder)));
}

void Routes::get_party(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  answer(std::move(responder), parts_.service.party(request.caller, *party));
}

void Routes::close_party(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  const auto body = read_body<protocol::ClosePartyRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  parts_.service.close(request.caller, *party, *body,
                       answer_later<protocol::SeqAnswer>(std::move(responder)));
}

void Routes::join_party(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  const auto body = read_body<protocol::JoinRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  parts_.service.join(request.caller, *party, *body,
                      answer_later<protocol::PartyAnswer>(std::move(responder)));
}

void Routes::get_peers(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  answer(std::move(responder), parts_.service.peers(request.caller, *party));
}

void Routes::get_peer(Request& request, io::Responder responder) {
  const auto ids = party_and_peer(request.parts);
  if (!ids) return responder.send(refusal(ids.error()));
  answer(std::move(responder), parts_.service.peer(request.caller, ids->party, ids->peer));
}

void Routes::update_peer(Request& request, io::Responder responder) {
  const auto ids = party_and_peer(request.parts);
  if (!ids) return responder.send(refusal(ids.error()));
  const auto body = read_body<protocol::UpdatePeerRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  parts_.service.update(request.caller, ids->party, ids->peer, *body,
                        answer_later<protocol::SeqAnswer>(std::move(responder)));
}

void Routes::leave_party(Request& request, io::Responder responder) {
  const auto ids = party_and_peer(request.parts);
  if (!ids) return responder.send(refusal(ids.error()));
  const auto body = read_body<protocol::LeaveRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  parts_.service.leave(request.caller, ids->party, ids->peer, *body,
                       answer_later<protocol::SeqAnswer>(std::move(responder)));
}

void Routes::heartbeat(Request& request, io::Responder responder) {
  const auto ids = party_and_peer(request.parts);
  if (!ids) return responder.send(refusal(ids.error()));
  // All its fields are optional, so an absent body says as much as an empty object.
  if (!request.http.body.empty())
    if (auto body = read_body<protocol::HeartbeatRequest>(request.http); !body)
      return responder.send(refusal(body.error()));
  answer(std::move(responder), parts_.service.heartbeat(request.caller, ids->party, ids->peer));
}

void Routes::relay_token(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  const auto body = read_body<protocol::RelayTokenRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  answer(std::move(responder), parts_.service.relay_grant(request.caller, *party, body->bind_key));
}

void Routes::add_invite(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  const auto body = read_body<protocol::AddInviteRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  parts_.service.add_invite(request.caller, *party, *body,
                            answer_later<protocol::AddInviteAnswer>(std::move(responder)));
}

void Routes::open_invite(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  const auto invite = id_from<InviteId>(request.parts[3], "invite_id");
  if (!invite) return responder.send(refusal(invite.error()));
  const auto body = read_body<protocol::OpenInviteRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  answer(std::move(responder), parts_.service.open_invite(request.caller, *party, *invite, *body));
}

void Routes::post_signal(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  auto body = read_body<protocol::PostSignalRequest>(request.http);
  if (!body) return responder.send(refusal(body.error()));
  answer(std::move(responder), parts_.service.post_signal(request.caller, *party, body->to_peer_id,
                                                          std::move(body->signal_data)));
}

void Routes::get_signals(Request& request, io::Responder responder) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return responder.send(refusal(party.error()));
  const auto after = number_from(request.http, "after", 0);
  if (!after) return responder.send(refusal(after.error()));
  answer(std::move(responder), parts_.service.waiting_signals(request.caller, *party, *after));
}

}  // namespace lanrage::server
