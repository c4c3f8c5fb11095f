#include "io/websocket_handshake.hpp"

#include <boost/beast/http/rfc7230.hpp>
#include <openssl/evp.h>

#include "base/encoding.hpp"
#include "crypto/keys.hpp"
#include "protocol/problem.hpp"

namespace lanrage::io {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::string_view kVersion = "13";

// RFC 6455 section 4.2.2, item 5.4. SHA-1 is all that the protocol knows; nothing rests on it.
std::string accept_of(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  ByteArray<20> digest;
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return to_base64(digest);
}

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

UpgradeResponse refusal(const protocol::Problem& problem) {
  UpgradeResponse response(static_cast<http::status>(problem.status), 11);
  response.set(http::field::content_type, std::string(protocol::kProblemContentType));
  response.set(http::field::cache_control, "no-store");
  response.body() = protocol::to_json(problem);
  response.keep_alive(false);
  response.prepare_payload();
  return response;
}

}  // namespace

UpgradeResponse answer_upgrade(const UpgradeRequest& request) {
  const auto key = from_base64(view(request[http::field::sec_websocket_key]));
  if (request.method() != http::verb::get || !key || key->size() != 16)
    return refusal(protocol::problem_of(protocol::Errc::malformed_request,
                                        "expected GET with 16 bytes in base64",
                                        "Sec-WebSocket-Key"));
  if (view(request[http::field::sec_websocket_version]) != kVersion) {
    protocol::Problem problem{426,
                              "upgrade_required",
                              "Another version of WebSocket is needed",
                              "expected version 13",
                              "Sec-WebSocket-Version",
                              {}};
    auto response = refusal(problem);
    response.set(http::field::sec_websocket_version, std::string(kVersion));
    return response;
  }
  UpgradeResponse response(http::status::switching_protocols, 11);
  response.set(http::field::upgrade, "websocket");
  response.set(http::field::connection, "Upgrade");
  response.set(http::field::sec_websocket_accept,
               accept_of(view(request[http::field::sec_websocket_key])));
  return response;
}

UpgradeCall call_upgrade(std::string_view host, std::string_view target) {
  crypto::SystemRandom random;
  UpgradeCall call;
  call.key = to_base64(random.array<16>());
  call.request.version(11);
  call.request.method(http::verb::get);
  call.request.target(beast::string_view(target.data(), target.size()));
  call.request.set(http::field::host, std::string(host));
  call.request.set(http::field::upgrade, "websocket");
  call.request.set(http::field::connection, "Upgrade");
  call.request.set(http::field::sec_websocket_key, call.key);
  call.request.set(http::field::sec_websocket_version, std::string(kVersion));
  return call;
}

bool accepts_upgrade(const UpgradeResponse& response, std::string_view key) {
  return response.result() == http::status::switching_protocols &&
         beast::iequals(response[http::field::upgrade], "websocket") &&
         http::token_list(response[http::field::connection]).exists("upgrade") &&
         view(response[http::field::sec_websocket_accept]) == accept_of(key);
}

}  // namespace lanrage::io
