// Reading what a request brings: its JSON body, ids in its path, numbers in its query.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "io/http_types.hpp"
#include "protocol/messages.hpp"

namespace lanrage::server {

// "application/json", in either case, with or without parameters.
bool is_json(std::string_view content_type);

template <class T>
Result<T> read_body(const io::HttpRequest& request) {
  if (!is_json(request.headers.find("content-type").value_or("")))
    return fail(protocol::Errc::unsupported_media_type,
                "the body must be JSON, with Content-Type: application/json");
  return protocol::parse<T>(request.body);
}

template <class IdType>
Result<IdType> id_from(std::string_view text, std::string_view field) {
  if (auto id = IdType::parse(text)) return *id;
  return fail(protocol::Errc::invalid_field, "expected an id: 26 characters of a-z and 2-7",
              std::string(field));
}

// A query parameter; `absent` where there is none.
Result<std::uint64_t> number_from(const io::HttpRequest& request, std::string_view name,
                                  std::uint64_t absent);

}  // namespace lanrage::server
