// HTTP requests and answers as plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/endpoint.hpp"
#include "protocol/problem.hpp"

namespace lanrage::io {

enum class Method { get, head, post, put, patch, del, options, other };
std::string_view name_of(Method method);  // "GET", ..., "OTHER"

class Headers {
 public:
  void add(std::string name, std::string value);
  // The first of that name, in either case; the view lives as long as the headers.
  std::optional<std::string_view> find(std::string_view name) const;
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

struct HttpRequest {
  Method method = Method::get;
  std::string target;  // as sent: path and query
  Headers headers;
  std::string body;
  Endpoint remote;
  Endpoint local;  // the address that the client's connection reached us at
  bool tls = false;

  std::string_view path() const;  // target without its query
  // The first query parameter of that name, percent-decoded; nothing if absent or badly encoded.
  std::optional<std::string> query(std::string_view name) const;
  // The path's parts between slashes, percent-decoded; nothing if badly encoded.
  std::optional<std::vector<std::string>> segments() const;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";  // not sent without a body
  Headers headers;

  static HttpResponse json(int status, std::string body);
  // With Content-Type application/problem+json, Retry-After with 429 and 503, and the challenge
  // that a 401 needs.
  static HttpResponse problem(const protocol::Problem& given);
};

}  // namespace lanrage::io
