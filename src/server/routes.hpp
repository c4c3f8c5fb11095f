// HTTP requests to the command path and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/http_server.hpp"
#include "protocol/messages.hpp"
#include "server/audit_log.hpp"
#include "server/authentication.hpp"
#include "server/metrics.hpp"
#include "server/party_service.hpp"
#include "server/relay_directory.hpp"
#include "server/relay_registrar.hpp"
#include "server/sessions.hpp"

namespace lanrage::server {

// What GET / and GET /info tell anybody.
struct PublicFacts {
  std::string version;
  std::optional<std::string> pin;  // base32; absent over plain HTTP
};

class Routes {
 public:
  struct Parts {
    PartyService& service;
    PartyRegistry& registry;
    Authentication& authentication;
    RelayDirectory& relays;
    RelayRegistrar& registrar;
    Sessions& sessions;
    const Clock& clock;
    Random& random;
    Metrics& metrics;
    AuditLog& audit;
  };
  Routes(const Parts& parts, const Limits& limits, PublicFacts facts);
  void set_pin(std::string pin) { facts_.pin = std::move(pin); }
  // Whether the database refuses changes now: readiness says so.
  void set_failing(bool failing) { failing_ = failing; }
  bool failing() const { return failing_; }

  void on_request(io::HttpRequest http, io::Responder responder);
  std::variant<io::WebSocketOpened, io::HttpResponse> on_upgrade(const io::HttpRequest& request);

 private:
  // Who may ask: anybody, a registered peer, a relay that has the enrolment key.
  enum class Access { open, token, enrolment };
  struct Request {
    io::HttpRequest http;
    std::vector<std::string> parts;  // of the path
    Caller caller;                   // of routes that need a token
  };
  // Where an answer goes, and what is noted of it.
  struct Reply {
    io::Responder responder;
    std::size_t route;  // of the table, or kNoRoute
    std::optional<PeerId> peer;
    IpAddress remote;
  };
  using Handler = void (Routes::*)(Request&, Reply);
  struct Route {
    io::Method method;
    std::string_view pattern;  // as in openapi.yaml; "{...}" stands for any one part
    Access access;
    Handler handler;
  };
  static const std::vector<Route>& table();
  static constexpr std::size_t kNoRoute = static_cast<std::size_t>(-1);

  Result<Caller> authenticate(const io::HttpRequest& request) const;
  Result<void> admit(std::size_t route, Request& request);
  Result<void> within_rate(const io::HttpRequest& request);
  Result<void> admit_newcomer(const IpAddress& remote);
  std::unexpected<Error> too_fast(RateLimit limit, const char* message);

  void send(Reply reply, io::HttpResponse response);
  void refuse(Reply reply, const Error& error);
  io::HttpResponse refusal(const Error& error, std::string_view route,
                           const std::optional<PeerId>& peer, const IpAddress& remote);
  // Answers 200 with the value as JSON, or the problem.
  template <class T>
  void answer(Reply reply, const Result<T>& result);
  template <class T>
  Done<T> answer_later(Reply reply);

  // Of the server itself: server_routes.cc.
  void health(Request& request, Reply reply);
  void live(Request& request, Reply reply);
  void ready(Request& request, Reply reply);
  void info(Request& request, Reply reply);
  void openapi(Request& request, Reply reply);
  void challenge(Request& request, Reply reply);
  void register_peer(Request& request, Reply reply);
  void revoke_token(Request& request, Reply reply);
  void relays(Request& request, Reply reply);
  void relays_of_region(Request& request, Reply reply);
  void enroll_relay(Request& request, Reply reply);
  void remove_relay(Request& request, Reply reply);
  // Of parties: party_routes.cc.
  void create_party(Request& request, Reply reply);
  void get_party(Request& request, Reply reply);
  void close_party(Request& request, Reply reply);
  void join_party(Request& request, Reply reply);
  void get_peers(Request& request, Reply reply);
  void get_peer(Request& request, Reply reply);
  void update_peer(Request& request, Reply reply);
  void leave_party(Request& request, Reply reply);
  void heartbeat(Request& request, Reply reply);
  void rotate(Request& request, Reply reply);
  void change_charter(Request& request, Reply reply);
  void hand_back(Request& request, Reply reply);
  void relay_token(Request& request, Reply reply);
  void add_invite(Request& request, Reply reply);
  void revoke_invite(Request& request, Reply reply);
  void open_invite(Request& request, Reply reply);
  void post_signal(Request& request, Reply reply);
  void get_signals(Request& request, Reply reply);

  Parts parts_;
  const Limits& limits_;
  PublicFacts facts_;
  bool failing_ = false;
  UnixTime started_;
  std::vector<Metrics::RouteId> route_ids_;
  TokenBuckets by_address_;
  TokenBuckets registrations_;
  Metrics::RouteId websocket_;
  TokenBucket admissions_;
};

// Path parts 1 and 3 of /parties/{party}/peers/{peer}.
struct PartyAndPeer {
  PartyId party;
  PeerId peer;
};
Result<PartyAndPeer> party_and_peer(const std::vector<std::string>& parts);

template <class T>
void Routes::answer(Reply reply, const Result<T>& result) {
  if (!result) return refuse(std::move(reply), result.error());
  if constexpr (std::is_void_v<T>) {
    io::HttpResponse no_content;
    no_content.status = 204;
    send(std::move(reply), std::move(no_content));
  } else {
    send(std::move(reply), io::HttpResponse::json(200, protocol::to_json(*result)));
  }
}

template <class T>
Done<T> Routes::answer_later(Reply reply) {
  return [this, reply = std::move(reply)](Result<T> result) mutable {
    answer(std::move(reply), result);
  };
}

}  // namespace lanrage::server
