#include "io/http_types.hpp"

#include <algorithm>

namespace lanrage::io {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

int hex_value(char c) {
  c = lower(c);
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    int high = hex_value(text[i + 1]);
    int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace

std::string_view name_of(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      return "OTHER";
  }
  return "OTHER";
}

void Headers::add(std::string name, std::string value) {
  entries_.emplace_back(std::move(name), std::move(value));
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [key, value] : entries_)
    if (std::ranges::equal(key, name, {}, lower, lower)) return value;
  return std::nullopt;
}

std::string_view HttpRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::optional<std::string> HttpRequest::query(std::string_view name) const {
  std::size_t mark = target.find('?');
  std::string_view rest =
      mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name)
      return percent_decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> HttpRequest::segments() const {
  std::vector<std::string> out;
  std::string_view rest = path();
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the slash
    std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(part.size());
    if (part.empty() && rest.empty()) break;  // "/" alone, or one at the end
    auto decoded = percent_decoded(part);
    if (!decoded) return std::nullopt;
    out.push_back(std::move(*decoded));
  }
  return out;
}

HttpResponse HttpResponse::json(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse HttpResponse::problem(const protocol::Problem& given) {
  constexpr int kRetryAfter = 5;  // s, where nobody said better
  protocol::Problem problem = given;
  if ((problem.status == 429 || problem.status == 503) && !problem.retry_after_s)
    problem.retry_after_s = kRetryAfter;
  HttpResponse response = json(problem.status, protocol::to_json(problem));
  response.content_type = protocol::kProblemContentType;
  if (problem.retry_after_s)
    response.headers.add("Retry-After", std::to_string(*problem.retry_after_s));
  if (problem.status == 401) response.headers.add("WWW-Authenticate", "Bearer");  // RFC 9110 15.5.2
  return response;
}

}  // namespace lanrage::io
