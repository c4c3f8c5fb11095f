// What is answered when something is refused: an RFC 9457 problem document with a stable `code`.
// The codes, their HTTP statuses and titles stand in one table (problem.cc); docs/protocol lists
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace lanrage::protocol {

// Every code that this protocol's two ends act on, and those that reading JSON yields.
enum class Errc {
  malformed_json,  // not JSON, or not JSON that we accept (depth, duplicate keys, UTF-8)
  missing_field,
  invalid_field,  // wrong type, form, size or an unknown value
  unknown_type,   // a WebSocket message of a type this end doesn't know
  body_too_large,
  unsupported_media_type,
  malformed_request,  // not HTTP as we understand it
  headers_too_large,
  request_timeout,
  not_found,  // no such route
  method_not_allowed,
  missing_token,
  malformed_token,
  unknown_token,
  expired_token,
  bad_signature,  // a challenge's, an invite's or a record's signature doesn't hold
  expired_nonce,
  used_nonce,
  malformed_nonce,   // not a nonce of this server
  peer_id_mismatch,  // the peer_id named is not the one of the key or token
  forbidden,
  wrong_word,     // creating parties needs the server's join word
  unknown_party,  // also for those who aren't members
  unknown_peer,
  unknown_invite,
  invite_expired,
  invite_used_up,
  invite_revoked,
  stale_epoch,  // sign again against the party's current roster
  already_member,
  stale_head,         // made against an older log: open the invite again
  split_history,      // the server's log and the caller's have parted
  vip_taken,          // somebody was faster: open the invite again for another address
  request_id_reused,  // the same request_id came with another body
  party_full,
  limit_reached,  // some other cap
  rate_limited,
  unavailable,
  internal_error,
  unexpected_answer,  // client side: the server's answer isn't one of this protocol
  other_refusal,      // client side: a code that this version doesn't know; see the message
};
std::string_view name_of(Errc code);

struct Problem {
  int status = 500;
  std::string code;
  std::string title;
  std::string detail;
  std::string field;                 // empty: no single field is to blame
  std::optional<int> retry_after_s;  // 429 and 503

  friend bool operator==(const Problem&, const Problem&) = default;
};

inline constexpr std::string_view kProblemContentType = "application/problem+json";

// Status and title by the error's code name. Codes of other modules that the table doesn't list
// become 422 with their own code, so that a rule of the party can be refused without a row here.
Problem problem_of(const Error& error);
Problem problem_of(Errc code, std::string detail, std::string field = {});
std::string to_json(const Problem& problem);

// Client side: reads the body of an answer with a status of 400 or more. A body that is no problem
// document yields one with `unexpected_answer` and the status.
Problem read_problem(int status, std::string_view body);
// With the Errc that bears the problem's code, else `other_refusal` whose message names the code.
Error error_of(const Problem& problem);
// The same for a refusal by WebSocket (code and message).
Error error_of(std::string_view code, std::string_view message, std::string field = {});

}  // namespace lanrage::protocol
