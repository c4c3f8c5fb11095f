#include "party/invite_link.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/encoding.hpp"
#include "base/endpoint.hpp"
#include "base/secret_encoding.hpp"

namespace lanrage::party {
namespace {

constexpr std::string_view kScheme = "lanrage://";
constexpr std::string_view kPath = "/join#";
constexpr std::size_t kIdChars = 26;  // base32 of 16 bytes
constexpr std::size_t kCheckChars = 2;
constexpr std::size_t kShortPayload = 2 * kIdChars + 1 + kCheckChars;
constexpr std::size_t kLongPayload = 3 * kIdChars + 2 + kCheckChars;
constexpr std::size_t kMaxLink = 512;  // a host name has at most 253 characters

// The first 32 are base32's digits, so that a check character counts like any other when it swaps
// places with its neighbour.
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz2345670189-.:[]#";
constexpr unsigned kPrime = 1021;  // the largest below 1024, which two base32 digits can hold

// Of "WHERE#PAYLOAD": the sum of (position * value) modulo a prime above every position and value.
// A wrong character changes it by position * difference, a swap by the difference of the two,
// neither divisible by the prime. Both must be of the alphabet.
std::string check_characters(std::string_view where, std::string_view payload) {
  std::size_t position = 0;
  std::size_t sum = 0;
  for (const auto part : {where, std::string_view("#"), payload})
    for (const char c : part)
      sum = (sum + ++position * kAlphabet.find(c)) % kPrime;
  return {kAlphabet[sum >> 5], kAlphabet[sum & 31]};
}

std::string authority(std::string_view host, std::uint16_t port) {
  std::string out = host.contains(':') ? "[" + std::string(host) + "]" : std::string(host);
  if (port != kDefaultControlPort) out += ":" + std::to_string(port);
  return out;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Where a link ends in running text.
bool ends_link(char c) {
  constexpr std::string_view kDelimiters = "\"'`<>(){}|\\,;!?*_~";
  return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f ||
         kDelimiters.contains(c);
}

bool is_dns_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  std::string_view label;
  for (std::size_t begin = 0; begin <= host.size();) {
    const auto end = std::min(host.find('.', begin), host.size());
    label = host.substr(begin, end - begin);
    const bool fits = !label.empty() && label.size() <= 63 && label.front() != '-' &&
                      label.back() != '-' && std::ranges::all_of(label, [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                      });
    if (!fits) return false;
    begin = end + 1;
  }
  // An all-digit last label would make a mistyped IPv4 address pass as a name.
  return !std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; });
}

auto mistyped() {
  return fail(Errc::invite_mistyped,
              "the invite doesn't hold together: a character of it is wrong; copy it again, whole",
              "invite");
}

auto cut_short() {
  return fail(Errc::invite_cut_short, "the end of the invite is missing; copy it again, whole",
              "invite");
}

bool parse_authority(std::string_view text, InviteLink& link) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return false;
    link.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!link.host.contains(':')) return false;
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    link.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!is_invite_host(link.host)) return false;
  if (port.empty()) return true;
  port.remove_prefix(1);  // the colon, if it is one: to_string below decides on the rest
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), link.port);
  return error == std::errc{} && link.port != 0 && port == std::to_string(link.port) &&
         port.data()[-1] == ':';
}

// `token` follows the scheme, is lower case and ends where the link ends in its text.
Result<InviteLink> parse_token(std::string_view token) {
  const auto slash = token.find('/');
  if (slash == std::string_view::npos) return cut_short();
  const auto rest = token.substr(slash);
  if (!rest.starts_with(kPath)) {
    if (kPath.starts_with(rest)) return cut_short();
    return mistyped();
  }
  auto payload = rest.substr(kPath.size());
  payload = payload.substr(0, payload.find(']'));
  while (!payload.empty() && std::string_view(".:-").contains(payload.back()))
    payload.remove_suffix(1);  // the sentence's, not the link's

  if (payload.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567.") != std::string_view::npos)
    return mistyped();
  const bool third_part = payload.size() > 2 * kIdChars + 1 && payload[2 * kIdChars + 1] == '.';
  if (payload.size() < kShortPayload || (third_part && payload.size() < kLongPayload))
    return cut_short();
  if (payload.size() != (third_part ? kLongPayload : kShortPayload) || payload[kIdChars] != '.')
    return mistyped();

  InviteLink link;
  if (!parse_authority(token.substr(0, slash), link)) return mistyped();
  const auto checked = payload.substr(0, payload.size() - kCheckChars);
  if (check_characters(authority(link.host, link.port), checked) != payload.substr(checked.size()))
    return mistyped();
  if (!from_base32(checked.substr(0, kIdChars), link.party.bytes) ||
      !from_base32(checked.substr(kIdChars + 1, kIdChars), link.secret.expose_mutable()))
    return mistyped();
  if (third_part && !from_base32(checked.substr(2 * kIdChars + 2), link.pin.emplace()))
    return mistyped();
  return link;
}

std::string_view token_of(std::string_view text) {
  return text.substr(
      0, static_cast<std::size_t>(std::ranges::find_if(text, ends_link) - text.begin()));
}

// The text without its first line break and the blanks and quote marks around it; nothing when the
// link ends otherwise than by a line break.
std::optional<WipedString> join_next_line(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n>";
  const auto end = token_of(text).size();
  const auto next = text.find_first_not_of(kBlank, end);
  if (next == std::string_view::npos || !text.substr(end, next - end).contains('\n'))
    return std::nullopt;
  return WipedString(text.substr(0, end)).append(text.substr(next));
}

Result<InviteLink> parse_after_scheme(std::string_view text) {
  auto link = parse_token(token_of(text));
  WipedString joined(text);
  for (int line = 0; line < 4 && !link && link.error().is(Errc::invite_cut_short); ++line) {
    auto next = join_next_line(joined);
    if (!next) break;
    joined = std::move(*next);
    auto again = parse_token(token_of(joined));
    // A failure here may be the fault of the joining: keep the first error.
    if (again) return again;
    if (!again.error().is(Errc::invite_cut_short)) break;
  }
  return link;
}

}  // namespace

bool is_invite_host(std::string_view host) {
  if (std::ranges::any_of(host, [](char c) { return lower(c) != c; })) return false;
  const auto address = IpAddress::parse(host);
  return address ? address->is_v4() || host.contains(':') : is_dns_name(host);
}

WipedString InviteLink::to_text() const {
  WipedString payload(party.to_string());
  payload.append(".").append(to_wiped_base32(secret.expose()));
  if (pin) payload.append(".").append(to_base32(*pin));
  const auto where = authority(host, port);
  WipedString out(kScheme);
  return out.append(where).append(kPath).append(payload).append(check_characters(where, payload));
}

Result<InviteLink> parse_invite_link(std::string_view pasted) {
  WipedString text(pasted);
  std::ranges::transform(text, text.begin(), lower);
  std::optional<Error> first;
  for (auto at = text.find(kScheme); at != WipedString::npos; at = text.find(kScheme, at + 1)) {
    auto link = parse_after_scheme(std::string_view(text).substr(at + kScheme.size(), kMaxLink));
    if (link) return link;
    if (!first) first = link.error();
  }
  if (first) return std::unexpected(*first);
  return fail(Errc::not_an_invite,
              "there is no invite in this text; an invite begins with lanrage://", "invite");
}

}  // namespace lanrage::party
