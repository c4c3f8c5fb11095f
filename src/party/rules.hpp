// The rules for single values: names, nicks, prefixes, keys, invite terms, candidates. Each error
// names the field, what is allowed, and what was given.
#pragma once

#include <optional>
#include <string_view>

#include "base/endpoint.hpp"
#include "party/records.hpp"

namespace lanrage::party {

inline constexpr std::string_view kDefaultPrefix = "10.66.0.0/16";

// 1 to 64 characters of printable UTF-8, no space at either end.
Result<void> check_name(std::string_view name);
// 1 to 32 characters, likewise. Nicks may repeat within a party.
Result<void> check_nick(std::string_view nick);
// Wholly inside 10/8, 172.16/12, 192.168/16 or 100.64/10; /8 to /29; host bits zero.
Result<void> check_prefix(const Prefix& prefix);
// In X25519 one key has several spellings, and some keys share no secret: neither is accepted.
Result<void> check_exchange_key(const ExchangeKey& key, std::string_view field);
Result<void> check_invite_terms(const InviteTerms& terms);
// A place where a peer may be: not loopback, multicast or unspecified, and a port.
Result<void> check_candidate(const Endpoint& candidate);

}  // namespace lanrage::party
