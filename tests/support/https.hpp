// Raw HTTPS to a server, from inside a namespace: requests that no program of ours would send.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "crypto/keys.hpp"
#include "support/namespace.hpp"

namespace lanrage::lab {

struct HttpsReply {
  int status = 0;  // 0: no answer
  std::string body;
  boost::json::value json{};  // null when the body isn't JSON
  std::string code() const;   // of a problem document; empty without one
};

class HttpsClient {
 public:
  HttpsClient(const NetNamespace& netns, const Endpoint& server) : netns_(netns), server_(server) {}

  struct Request {
    std::string method = "GET";
    std::string target = "/";
    std::string token{};  // sent as a bearer token when not empty
    std::string body{};
    std::string content_type = "application/json";
  };

  // One connection a request. The certificate isn't checked: that is the agent's job.
  HttpsReply send(const Request& request) const;
  // SHA-256 of the server's public key (SPKI).
  ByteArray<32> server_binding() const;

 private:
  const NetNamespace& netns_;
  Endpoint server_;
};

// A device that talks to the server by itself: a key, a peer_id and, once registered, a token.
class ApiIdentity {
 public:
  ApiIdentity();

  std::string peer_id() const { return peer_id_.to_string(); }
  const std::string& token() const { return token_; }

  // Challenge and registration; `as_peer_id` is what it claims to be, its own unless given. The
  // reply is the registration's; the token is kept when there is one.
  HttpsReply register_at(const HttpsClient& client, const std::string& as_peer_id = {});

 private:
  crypto::SigningKey key_;
  PeerId peer_id_;
  std::string token_;
};

}  // namespace lanrage::lab
