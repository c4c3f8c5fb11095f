// What a request must be before any route sees it. Private to io/; includes Beast.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "io/http_types.hpp"

namespace lanrage::io {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

Method method_of(boost::beast::http::verb verb);

// Of a header: whether a proxy before us, or a client behind it, may read differently where the
// request ends. What comes behind it would be somebody else's then (RFC 9112 section 11.2).
std::optional<protocol::Problem> doubt_about_length(const RequestParser& parser);

// What makes a whole, well-formed request unacceptable to a JSON service.
std::optional<protocol::Problem> objection_to(const RequestParser::value_type& message);

}  // namespace lanrage::io
