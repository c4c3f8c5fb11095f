// The opening handshake of a WebSocket (RFC 6455 section 4), as HTTP messages. Private to io/;
// includes Beast.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace lanrage::io {

using UpgradeRequest = boost::beast::http::request<boost::beast::http::string_body>;
using UpgradeResponse = boost::beast::http::response<boost::beast::http::string_body>;

// 101, or what is wrong with the request: 400, or 426 for another version of the protocol.
UpgradeResponse answer_upgrade(const UpgradeRequest& request);

// A client's request with the headers given, and a fresh key.
struct UpgradeCall {
  std::string key;
  boost::beast::http::request<boost::beast::http::empty_body> request;
};
UpgradeCall call_upgrade(std::string_view host, std::string_view target);
// Whether the response is the one to the key.
bool accepts_upgrade(const UpgradeResponse& response, std::string_view key);

}  // namespace lanrage::io
