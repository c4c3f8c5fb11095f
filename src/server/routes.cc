#include "server/routes.hpp"

#include <algorithm>

#include "server/refusal.hpp"

namespace lanrage::server {

using protocol::Errc;

namespace {

// The parts of "/a/{x}/b" against those of a path.
bool matches(std::string_view pattern, const std::vector<std::string>& parts) {
  pattern.remove_prefix(1);
  std::size_t count = 0;
  for (std::size_t begin = 0; begin < pattern.size(); ++count) {
    const auto end = std::min(pattern.find('/', begin), pattern.size());
    const auto wanted = pattern.substr(begin, end - begin);
    if (count >= parts.size() || (!wanted.starts_with('{') && wanted != parts[count])) return false;
    begin = end + 1;
  }
  return count == parts.size();
}

}  // namespace

const std::vector<Routes::Route>& Routes::table() {
  using enum io::Method;
  using enum Access;
  static const std::vector<Route> kRoutes = {
      {get, "/", open, &Routes::health},
      {get, "/health/live", open, &Routes::live},
      {get, "/health/ready", open, &Routes::ready},
      {get, "/info", open, &Routes::info},
      {get, "/openapi.json", open, &Routes::openapi},
      {post, "/auth/challenge", open, &Routes::challenge},
      {post, "/auth/register", open, &Routes::register_peer},
      {del, "/auth/token", token, &Routes::revoke_token},
      {get, "/relays", token, &Routes::relays},
      {post, "/relays", enrolment, &Routes::enroll_relay},
      {get, "/relays/{region}", token, &Routes::relays_of_region},
      {del, "/relays/{relay_id}", enrolment, &Routes::remove_relay},
      {post, "/parties", token, &Routes::create_party},
      {get, "/parties/{party_id}", token, &Routes::get_party},
      {del, "/parties/{party_id}", token, &Routes::close_party},
      {post, "/parties/{party_id}/join", token, &Routes::join_party},
      {get, "/parties/{party_id}/peers", token, &Routes::get_peers},
      {get, "/parties/{party_id}/peers/{peer_id}", token, &Routes::get_peer},
      {patch, "/parties/{party_id}/peers/{peer_id}", token, &Routes::update_peer},
      {del, "/parties/{party_id}/peers/{peer_id}", token, &Routes::leave_party},
      {post, "/parties/{party_id}/peers/{peer_id}/heartbeat", token, &Routes::heartbeat},
      {post, "/parties/{party_id}/rotate", token, &Routes::rotate},
      {post, "/parties/{party_id}/charter", token, &Routes::change_charter},
      {post, "/parties/{party_id}/log", token, &Routes::hand_back},
      {post, "/parties/{party_id}/relay-token", token, &Routes::relay_token},
      {post, "/parties/{party_id}/invites", token, &Routes::add_invite},
      {del, "/parties/{party_id}/invites/{invite_id}", token, &Routes::revoke_invite},
      {post, "/parties/{party_id}/invites/{invite_id}/open", token, &Routes::open_invite},
      {post, "/parties/{party_id}/signals", token, &Routes::post_signal},
      {get, "/parties/{party_id}/signals", token, &Routes::get_signals},
  };
  return kRoutes;
}

Routes::Routes(const Parts& parts, const Limits& limits, PublicFacts facts)
    : parts_(parts),
      limits_(limits),
      facts_(std::move(facts)),
      started_(parts.clock.unix_time()),
      by_address_(limits.requests_an_address),
      registrations_(limits.registrations_an_address),
      websocket_(parts.metrics.add_route("GET", "/ws")),
      admissions_(limits.admissions, parts.clock.monotonic()) {
  for (const Route& route : table())
    route_ids_.push_back(parts_.metrics.add_route(name_of(route.method), route.pattern));
}

io::HttpResponse Routes::refusal(const Error& error, std::string_view route,
                                 const std::optional<PeerId>& peer, const IpAddress& remote) {
  const auto problem = refusal_of(error, parts_.random);
  parts_.metrics.refused(error.code());
  if (is_denial(problem)) parts_.audit.denied(route, error.code(), peer, remote);
  return io::HttpResponse::problem(problem);
}

void Routes::send(Reply reply, io::HttpResponse response) {
  parts_.metrics.answered(reply.route == kNoRoute ? Metrics::kNoRoute : route_ids_[reply.route],
                          response.status);
  reply.responder.send(std::move(response));
}

void Routes::refuse(Reply reply, const Error& error) {
  const std::string_view route = reply.route == kNoRoute ? "none" : table()[reply.route].pattern;
  auto response = refusal(error, route, reply.peer, reply.remote);
  send(std::move(reply), std::move(response));
}

std::unexpected<Error> Routes::too_fast(RateLimit limit, const char* message) {
  parts_.metrics.rate_limited(limit);
  return fail(Errc::rate_limited, message);
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
  return too_fast(RateLimit::address, "too many requests from your address: wait a moment");
}

Result<void> Routes::admit_newcomer(const IpAddress& remote) {
  const Instant now = parts_.clock.monotonic();
  if (!registrations_.take(rate_key(remote), now))
    return too_fast(RateLimit::registrations,
                    "too many registrations from your address: wait a moment");
  if (admissions_.take(limits_.admissions, now)) return {};
  parts_.metrics.sessions_refused.add();
  return fail(Errc::unavailable, "too many clients arrive at once: come back in a moment");
}

// Who the caller is, and whether it may ask now.
Result<void> Routes::admit(std::size_t route, Request& request) {
  const Access access = table()[route].access;
  if (access == Access::enrolment)
    return parts_.registrar.admit(request.http.headers.find("authorization"),
                                  request.http.remote.address);
  if (access != Access::token) return {};
  auto caller = authenticate(request.http);
  if (!caller) return std::unexpected(caller.error());
  request.caller = *caller;
  if (parts_.sessions.may_ask(caller->peer)) return {};
  return too_fast(RateLimit::peer, "too many requests: wait a moment");
}

void Routes::on_request(io::HttpRequest http, io::Responder responder) {
  Reply reply{std::move(responder), kNoRoute, {}, http.remote.address};
  if (auto allowed = within_rate(http); !allowed) return refuse(std::move(reply), allowed.error());
  auto segments = http.segments();
  if (!segments)
    return refuse(std::move(reply), Error(Errc::malformed_request, "the path is badly encoded"));

  std::string allow;
  const auto& routes = table();
  for (std::size_t n = 0; n < routes.size(); ++n) {
    if (!matches(routes[n].pattern, *segments)) continue;
    if (routes[n].method != http.method) {
      allow += (allow.empty() ? "" : ", ") + std::string(name_of(routes[n].method));
      continue;
    }
    reply.route = n;
    Request request{std::move(http), std::move(*segments), {}};
    const auto admitted = admit(n, request);
    if (request.caller.peer != PeerId{}) reply.peer = request.caller.peer;
    if (!admitted) return refuse(std::move(reply), admitted.error());
    return (this->*routes[n].handler)(request, std::move(reply));
  }
  if (allow.empty())
    return refuse(std::move(reply),
                  Error(Errc::not_found, "nothing at " + std::string(http.path())));
  auto response = refusal(Error(Errc::method_not_allowed, "allowed at this path: " + allow), "none",
                          {}, reply.remote);
  response.headers.add("Allow", allow);
  send(std::move(reply), std::move(response));
}

std::variant<io::WebSocketOpened, io::HttpResponse> Routes::on_upgrade(
    const io::HttpRequest& request) {
  const auto refused = [&](const Error& error) {
    auto response = refusal(error, "/ws", {}, request.remote.address);
    parts_.metrics.answered(websocket_, response.status);
    return response;
  };
  if (auto allowed = within_rate(request); !allowed) return refused(allowed.error());
  if (request.path() != "/ws") return refused(Error(Errc::not_found, "the WebSocket is at /ws"));
  const auto caller = authenticate(request);
  if (!caller) return refused(caller.error());
  if (!admissions_.take(limits_.admissions, parts_.clock.monotonic())) {
    parts_.metrics.sessions_refused.add();
    return refused(
        Error(Errc::unavailable, "too many clients arrive at once: come back in a moment"));
  }
  parts_.metrics.answered(websocket_, 101);
  return parts_.sessions.accept(*caller);
}

}  // namespace lanrage::server
