// HTTP requests to the command path and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/http_server.hpp"
#include "server/authentication.hpp"
#include "server/party_service.hpp"
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
    Sessions& sessions;
    const Clock& clock;
    Random& random;
  };
  Routes(const Parts& parts, const Limits& limits, PublicFacts facts);

  void on_request(io::HttpRequest http, io::Responder responder);
  std::variant<io::WebSocketOpened, io::HttpResponse> on_upgrade(const io::HttpRequest& request);

 private:
  struct Request {
    io::HttpRequest http;
    std::vector<std::string> parts;  // of the path
    Caller caller;                   // of routes that need a token
  };
  using Handler = void (Routes::*)(Request&, io::Responder);
  struct Route {
    io::Method method;
    std::string_view pattern;  // parts between slashes; "*" stands for any one
    bool needs_token;
    Handler handler;
  };
  static const std::vector<Route>& table();

  Result<Caller> authenticate(const io::HttpRequest& request) const;
  Result<void> within_rate(const io::HttpRequest& request);
  io::HttpResponse refusal(const Error& error) const;
  // Answers 200 with the value as JSON, or the problem.
  template <class T>
  void answer(io::Responder responder, const Result<T>& result) const;
  template <class T>
  Done<T> answer_later(io::Responder responder) const;

  void health(Request& request, io::Responder responder);
  void live(Request& request, io::Responder responder);
  void info(Request& request, io::Responder responder);
  void relays(Request& request, io::Responder responder);
  void challenge(Request& request, io::Responder responder);
  void register_peer(Request& request, io::Responder responder);
  void revoke_token(Request& request, io::Responder responder);
  void create_party(Request& request, io::Responder responder);
  void get_party(Request& request, io::Responder responder);
  void close_party(Request& request, io::Responder responder);
  void join_party(Request& request, io::Responder responder);
  void get_peers(Request& request, io::Responder responder);
  void get_peer(Request& request, io::Responder responder);
  void update_peer(Request& request, io::Responder responder);
  void leave_party(Request& request, io::Responder responder);
  void heartbeat(Request& request, io::Responder responder);
  void relay_token(Request& request, io::Responder responder);
  void add_invite(Request& request, io::Responder responder);
  void open_invite(Request& request, io::Responder responder);
  void post_signal(Request& request, io::Responder responder);
  void get_signals(Request& request, io::Responder responder);

  Parts parts_;
  PublicFacts facts_;
  UnixTime started_;
  TokenBuckets by_address_;
  TokenBuckets registrations_;
  TokenBuckets by_peer_;
};

}  // namespace lanrage::server
