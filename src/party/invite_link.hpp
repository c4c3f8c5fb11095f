// The text that players send each other:
//
//   lanrage://HOST[:PORT]/join#PARTY.SECRET[.PIN]CC
//
// PARTY, SECRET and PIN are base32 of 16 bytes each, CC two check characters over host, port and
// all after '#'. One check character can't do: host names use more than 32 different characters.
// Any single wrong character is noticed, any swap of neighbours, and 99.9 % of the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/wiped.hpp"
#include "party/errc.hpp"
#include "party/invite_secret.hpp"

namespace lanrage::party {

inline constexpr std::uint16_t kDefaultControlPort = 8667;
using Pin = ByteArray<16>;  // first half of SHA-256 of the server's public key (SPKI)

struct InviteLink {
  std::string host;  // as is_invite_host() demands
  std::uint16_t port = kDefaultControlPort;
  PartyId party;
  InviteSecret secret;
  std::optional<Pin> pin;  // absent with a certificate that a CA signed

  WipedString to_text() const;  // a secret: whoever reads it can join
  friend bool operator==(const InviteLink&, const InviteLink&) = default;
};

// A lower-case DNS name, an IPv4 address, or an IPv6 address without brackets.
bool is_invite_host(std::string_view host);

// Finds the link in whatever was pasted: words around it, quotes, <>, a full stop, either case, a
// line broken in the middle. Errors: not_an_invite, invite_mistyped, invite_cut_short.
Result<InviteLink> parse_invite_link(std::string_view pasted);

}  // namespace lanrage::party
