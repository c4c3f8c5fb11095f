#include "party/rules.hpp"

#include <algorithm>
#include <string>

#include "base/encoding.hpp"
#include "party/limits.hpp"

namespace lanrage::party {
namespace {

// Characters that print as nothing or turn the line's direction: two texts that look alike would
// differ, or a nick would change what stands around it. (Joiners U+200C and U+200D have honest
// uses.) `text` is well-formed UTF-8.
bool has_invisible(std::string_view text) {
  constexpr std::pair<std::uint32_t, std::uint32_t> kRanges[] = {
      {0xad, 0xad},     {0x61c, 0x61c},   {0x200b, 0x200b}, {0x200e, 0x200f},  {0x2028, 0x202e},
      {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<std::uint8_t>(text[i]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    std::uint32_t point = length == 1 ? first : first & (0xffu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k)
      point = point << 6 | (static_cast<std::uint8_t>(text[i + k]) & 0x3fu);
    if (std::ranges::any_of(
            kRanges, [point](auto range) { return point >= range.first && point <= range.second; }))
      return true;
    i += length;
  }
  return false;
}

// The u-coordinates below p, little-endian, of all points of Curve25519 and its twist whose order
// divides 8: whatever the secret, such a key gives the shared secret zero.
constexpr ByteArray<32> kLowOrder[] = {
    {},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

Result<void> check_text(std::string_view text, std::size_t most, Errc errc,
                        std::string_view field) {
  const auto what = "the " + std::string(field);
  if (text.empty())
    return fail(errc, what + " is empty; give 1 to " + std::to_string(most) + " characters",
                std::string(field));
  if (!is_printable_utf8(text) || has_invisible(text))
    return fail(errc,
                what + " must be printable UTF-8: no control, invisible or direction characters",
                std::string(field));
  const auto chars = std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; });
  if (static_cast<std::size_t>(chars) > most)
    return fail(errc,
                what + " has " + std::to_string(chars) + " characters; at most " +
                    std::to_string(most) + " are allowed",
                std::string(field));
  if (text.front() == ' ' || text.back() == ' ')
    return fail(errc, what + " begins or ends with a space; leave that out", std::string(field));
  return {};
}

}  // namespace

Result<void> check_name(std::string_view name) {
  return check_text(name, kMaxNameChars, Errc::invalid_name, "name");
}

Result<void> check_nick(std::string_view nick) {
  return check_text(nick, kMaxNickChars, Errc::invalid_nick, "nick");
}

Result<void> check_prefix(const Prefix& prefix) {
  if (prefix.length < kShortestPrefix || prefix.length > kLongestPrefix)
    return fail(Errc::invalid_prefix,
                "the prefix length is " + std::to_string(prefix.length) +
                    "; it must be from /8 to /29, such as 10.66.0.0/16",
                "prefix");
  if (!Prefix::parse(prefix.to_string()))
    return fail(Errc::invalid_prefix,
                "the prefix " + prefix.to_string() +
                    " isn't an IPv4 prefix whose host bits are zero, such as 10.66.0.0/16",
                "prefix");
  constexpr std::string_view kPrivate[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                           "100.64.0.0/10"};
  for (auto text : kPrivate) {
    const auto range = *Prefix::parse(text);
    if (prefix.length >= range.length && range.contains(prefix.address)) return {};
  }
  return fail(Errc::invalid_prefix,
              "the prefix " + prefix.to_string() +
                  " isn't private; choose one inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or "
                  "100.64.0.0/10",
              "prefix");
}

Result<void> check_exchange_key(const ExchangeKey& key, std::string_view field) {
  // RFC 7748 section 5: the top bit is ignored and values from p = 2^255 - 19 on are taken modulo
  // p, so such bytes spell a key that has another, canonical spelling (little-endian).
  const auto& b = key.bytes;
  const bool not_below_p =
      b[31] >= 0x80 || (b[31] == 0x7f && b[0] >= 0xed &&
                        std::all_of(b.begin() + 1, b.end() - 1, [](auto x) { return x == 0xff; }));
  if (not_below_p || std::ranges::find(kLowOrder, b) != std::end(kLowOrder))
    return fail(Errc::weak_key,
                "the key in " + std::string(field) + " isn't a usable X25519 public key",
                std::string(field));
  return {};
}

Result<void> check_invite_terms(const InviteTerms& terms) {
  if (terms.uses == 0)
    return fail(Errc::invalid_invite, "an invite must allow at least one use", "uses");
  if (terms.used > terms.uses)
    return fail(Errc::invalid_invite,
                "the invite says that " + std::to_string(terms.used) + " of " +
                    std::to_string(terms.uses) + " uses are spent",
                "used");
  return check_exchange_key(terms.invite_box, "invite_box");
}

Result<void> check_candidate(const Endpoint& candidate) {
  const auto& address = candidate.address;
  if (address.is_unspecified() || address.is_loopback() || address.is_multicast() ||
      candidate.port == 0)
    return fail(Errc::invalid_candidate,
                candidate.to_string() +
                    " can't be where a peer is: no loopback, multicast or zero address, no port 0",
                "candidates");
  return {};
}

}  // namespace lanrage::party
