// Routes: the server's own, registration, relays.
#include <algorithm>

#include "server/openapi.hpp"
#include "server/request_body.hpp"
#include "server/routes.hpp"

namespace lanrage::server {

using protocol::Errc;

void Routes::health(Request&, Reply reply) {
  protocol::HealthAnswer health;
  health.status = "ok";
  health.version = facts_.version;
  health.parties = parts_.registry.size();
  health.peers = parts_.registry.peers();
  health.connections = parts_.sessions.size();
  health.relays = parts_.relays.size();
  const auto uptime = std::chrono::floor<std::chrono::seconds>(parts_.clock.unix_time() - started_);
  health.uptime_s = static_cast<std::uint64_t>(std::max<std::int64_t>(0, uptime.count()));
  answer(std::move(reply), Result<protocol::HealthAnswer>(health));
}

void Routes::live(Request&, Reply reply) {
  answer(std::move(reply), Result<protocol::StatusAnswer>({"ok"}));
}

void Routes::ready(Request&, Reply reply) {
  if (failing_)
    return refuse(std::move(reply), Error(Errc::unavailable, "the database takes no changes"));
  answer(std::move(reply), Result<protocol::StatusAnswer>({"ok"}));
}

void Routes::info(Request& request, Reply reply) {
  protocol::InfoAnswer info;
  info.version = facts_.version;
  info.pin = facts_.pin;
  info.incarnation = parts_.service.identity().incarnation;
  info.relays = parts_.relays.relays(request.http.local.address);
  info.stun = parts_.relays.stun(request.http.local.address);
  info.create_policy = parts_.service.policy().kind;
  answer(std::move(reply), Result<protocol::InfoAnswer>(info));
}

void Routes::relays(Request& request, Reply reply) {
  answer(std::move(reply),
         Result<protocol::RelaysAnswer>({parts_.relays.relays(request.caller.reached)}));
}

void Routes::relays_of_region(Request& request, Reply reply) {
  answer(std::move(reply), Result<protocol::RelaysAnswer>({parts_.relays.relays_of(
                               request.parts[1], request.caller.reached)}));
}

void Routes::enroll_relay(Request& request, Reply reply) {
  const auto body = read_body<protocol::EnrollRelayRequest>(request.http);
  if (!body) return refuse(std::move(reply), body.error());
  parts_.registrar.enroll(*body, request.http.remote.address,
                          answer_later<protocol::EnrollRelayAnswer>(std::move(reply)));
}

void Routes::remove_relay(Request& request, Reply reply) {
  parts_.registrar.remove(request.parts[1], request.http.remote.address,
                          answer_later<void>(std::move(reply)));
}

void Routes::openapi(Request&, Reply reply) {
  send(std::move(reply), io::HttpResponse::json(200, std::string(openapi_json())));
}

void Routes::challenge(Request& request, Reply reply) {
  const auto body = read_body<protocol::ChallengeRequest>(request.http);
  if (!body) return refuse(std::move(reply), body.error());
  if (auto admitted = admit_newcomer(request.http.remote.address); !admitted)
    return refuse(std::move(reply), admitted.error());
  answer(std::move(reply),
         Result<protocol::ChallengeAnswer>(parts_.authentication.challenge(*body)));
}

void Routes::register_peer(Request& request, Reply reply) {
  const auto named = request.http.query("peer_id");
  if (!named)
    return refuse(std::move(reply),
                  Error(Errc::missing_field, "expected /auth/register?peer_id=PEER", "peer_id"));
  const auto peer = id_from<PeerId>(*named, "peer_id");
  if (!peer) return refuse(std::move(reply), peer.error());
  const auto body = read_body<protocol::RegisterRequest>(request.http);
  if (!body) return refuse(std::move(reply), body.error());
  if (auto admitted = admit_newcomer(request.http.remote.address); !admitted)
    return refuse(std::move(reply), admitted.error());
  parts_.authentication.register_peer(*peer, *body,
                                      answer_later<protocol::RegisterAnswer>(std::move(reply)));
}

void Routes::revoke_token(Request& request, Reply reply) {
  parts_.authentication.revoke(
      request.caller.token,
      [this, token = request.caller.token,
       answer = answer_later<void>(std::move(reply))](Result<void> revoked) mutable {
        if (revoked) parts_.sessions.token_revoked(token);
        answer(std::move(revoked));
      });
}

}  // namespace lanrage::server
