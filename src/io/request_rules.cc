#include "io/request_rules.hpp"

#include <string>

namespace lanrage::io {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using protocol::Errc;

}  // namespace

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::del;
    case http::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

std::optional<protocol::Problem> doubt_about_length(const RequestParser& parser) {
  const RequestParser::value_type& message = parser.get();
  const auto codings = message.count(http::field::transfer_encoding);
  if (codings == 0) return std::nullopt;
  if (message.version() >= 11 && codings == 1 && parser.chunked() &&
      beast::iequals(message[http::field::transfer_encoding], "chunked"))
    return std::nullopt;
  return protocol::problem_of(Errc::malformed_request,
                              "expected no other coding than chunked, once, and in HTTP/1.1",
                              "Transfer-Encoding");
}

std::optional<protocol::Problem> objection_to(const RequestParser::value_type& message) {
  if (message.version() >= 11 && message.count(http::field::host) != 1)
    return protocol::problem_of(Errc::malformed_request, "expected one Host header", "Host");
  if (message.target().empty() || message.target().front() != '/')
    return protocol::problem_of(Errc::malformed_request,
                                "expected a request target that begins with /");
  if (message.count(http::field::content_encoding) != 0)
    return protocol::problem_of(Errc::unsupported_media_type,
                                "expected a body that isn't compressed", "Content-Encoding");
  bool has_type = message.count(http::field::content_type) != 0;
  if (!has_type && message.body().empty()) return std::nullopt;
  auto type = message[http::field::content_type];
  auto media = type.substr(0, type.find(';'));
  while (!media.empty() && (media.back() == ' ' || media.back() == '\t'))
    media.remove_suffix(1);
  if (beast::iequals(media, "application/json")) return std::nullopt;
  return protocol::problem_of(
      Errc::unsupported_media_type,
      "expected Content-Type: application/json, got " +
          (has_type ? "\"" + std::string(media.substr(0, 64)) + "\"" : std::string("none")),
      "Content-Type");
}

}  // namespace lanrage::io
