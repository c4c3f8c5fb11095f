#include "protocol/problem.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/encoding.hpp"
#include "protocol/json_reader.hpp"

namespace lanrage::protocol {
namespace {

struct Row {
  Errc errc;
  std::string_view code;
  int status;
  std::string_view title;
};

constexpr std::array kRows{
    Row{Errc::malformed_json, "malformed_json", 400, "The body is not acceptable JSON"},
    Row{Errc::missing_field, "missing_field", 400, "A field is missing"},
    Row{Errc::invalid_field, "invalid_field", 400, "A field is not valid"},
    Row{Errc::unknown_type, "unknown_type", 400, "The message's type is not known"},
    Row{Errc::body_too_large, "body_too_large", 413, "The body is too large"},
    Row{Errc::unsupported_media_type, "unsupported_media_type", 415,
        "The body's type is not supported"},
    Row{Errc::malformed_request, "malformed_request", 400, "The request is not valid HTTP"},
    Row{Errc::headers_too_large, "headers_too_large", 431, "The header is too large"},
    Row{Errc::request_timeout, "request_timeout", 408, "The request took too long"},
    Row{Errc::not_found, "not_found", 404, "There is nothing at this path"},
    Row{Errc::method_not_allowed, "method_not_allowed", 405, "Not with this method"},
    Row{Errc::missing_token, "missing_token", 401, "A token is needed"},
    Row{Errc::malformed_token, "malformed_token", 401, "The token is malformed"},
    Row{Errc::unknown_token, "unknown_token", 401, "The token is unknown"},
    Row{Errc::expired_token, "expired_token", 401, "The token has expired"},
    Row{Errc::bad_signature, "bad_signature", 403, "A signature does not hold"},
    Row{Errc::expired_nonce, "expired_nonce", 403, "The nonce has expired"},
    Row{Errc::used_nonce, "used_nonce", 403, "The nonce was used before"},
    Row{Errc::malformed_nonce, "malformed_nonce", 403, "The nonce is not valid"},
    Row{Errc::peer_id_mismatch, "peer_id_mismatch", 403, "The peer_id is not the caller's"},
    Row{Errc::forbidden, "forbidden", 403, "Not allowed"},
    Row{Errc::wrong_word, "wrong_word", 403, "Creating parties here needs the server's join word"},
    Row{Errc::unknown_party, "unknown_party", 404, "No such party for you"},
    Row{Errc::unknown_peer, "unknown_peer", 404, "No such peer in this party"},
    Row{Errc::unknown_invite, "unknown_invite", 404, "No such invite"},
    Row{Errc::invite_expired, "invite_expired", 410, "The invite has expired"},
    Row{Errc::invite_used_up, "invite_used_up", 410, "The invite is used up"},
    Row{Errc::invite_revoked, "invite_revoked", 410, "The invite was revoked"},
    Row{Errc::stale_epoch, "stale_epoch", 409, "The party has a newer roster"},
    Row{Errc::already_member, "already_member", 409, "The identity is a member already"},
    Row{Errc::stale_head, "stale_head", 409, "The party's log has moved on"},
    Row{Errc::split_history, "split_history", 409, "The server has another history of the party"},
    Row{Errc::vip_taken, "vip_taken", 409, "The virtual address is taken"},
    Row{Errc::request_id_reused, "request_id_reused", 409, "The request_id was used before"},
    Row{Errc::party_full, "party_full", 409, "The party is full"},
    Row{Errc::limit_reached, "limit_reached", 409, "A limit is reached"},
    Row{Errc::rate_limited, "rate_limited", 429, "Too many requests"},
    Row{Errc::unavailable, "unavailable", 503, "Not available at the moment"},
    Row{Errc::internal_error, "internal_error", 500, "The server failed"},
    Row{Errc::unexpected_answer, "unexpected_answer", 502, "The answer is not this protocol's"},
    Row{Errc::other_refusal, "other_refusal", 422, "Refused"},
};

const Row* row_of(std::string_view code) {
  for (const Row& row : kRows)
    if (row.code == code) return &row;
  return nullptr;
}

// Text of a foreign document, for people only: bad text is dropped, not an error.
std::string text_at(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

std::string_view name_of(Errc code) {
  for (const Row& row : kRows)
    if (row.errc == code) return row.code;
  return "other_refusal";
}

Problem problem_of(const Error& error) {
  const Row* row = row_of(error.code());
  Problem problem;
  problem.status = row != nullptr ? row->status : 422;
  problem.code = error.code();
  problem.title = row != nullptr ? row->title : "Refused by a rule";
  problem.detail = error.message();
  problem.field = error.field();
  return problem;
}

Problem problem_of(Errc code, std::string detail, std::string field) {
  return problem_of(Error(code, std::move(detail), std::move(field)));
}

namespace {

// Details may quote what came from outside, a path for instance, and JSON must be UTF-8.
std::string presentable(std::string text) {
  if (!is_printable_utf8(text))
    std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

}  // namespace

std::string to_json(const Problem& problem) {
  boost::json::object object;
  object["type"] = "about:blank";
  object["status"] = problem.status;
  object["code"] = problem.code;
  object["title"] = problem.title;
  object["detail"] = presentable(problem.detail);
  if (!problem.field.empty()) object["field"] = presentable(problem.field);
  if (problem.retry_after_s) object["retry_after"] = *problem.retry_after_s;
  return boost::json::serialize(object);
}

Problem read_problem(int status, std::string_view body) {
  auto document = parse_document(body);
  Problem problem;
  if (document && document->is_object()) {
    const auto& object = document->get_object();
    problem.code = text_at(object, "code");
    problem.title = text_at(object, "title");
    problem.detail = text_at(object, "detail");
    problem.field = text_at(object, "field");
    const boost::json::value* retry = object.if_contains("retry_after");
    if (retry != nullptr && retry->is_int64() && retry->get_int64() >= 0 &&
        retry->get_int64() <= 86'400)
      problem.retry_after_s = static_cast<int>(retry->get_int64());
  }
  if (problem.code.empty()) {
    problem = problem_of(Errc::unexpected_answer,
                         "the server answered with status " + std::to_string(status) +
                             " and no explanation; is it a lanrage server?");
  }
  problem.status = status;
  return problem;
}

Error error_of(const Problem& problem) {
  return error_of(problem.code, problem.detail.empty() ? problem.title : problem.detail,
                  problem.field);
}

Error error_of(std::string_view code, std::string_view message, std::string field) {
  if (const Row* row = row_of(code)) return Error(row->errc, std::string(message), field);
  return Error(Errc::other_refusal, std::string(message) + " (" + std::string(code) + ")",
               std::move(field));
}

}  // namespace lanrage::protocol
