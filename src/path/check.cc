#include "path/check.hpp"

#include <algorithm>
#include <string>

#include "base/encoding.hpp"

namespace lanrage::path {
namespace {

constexpr std::size_t kHintText = 8;  // base32 of 5 bytes

std::optional<PeerHint> parse_hint(std::string_view text) {
  auto bytes = from_base32(text);
  PeerHint hint;
  if (!bytes || bytes->size() != hint.bytes.size()) return std::nullopt;
  std::ranges::copy(*bytes, hint.bytes.begin());
  return hint;
}

std::string username_of(const PeerId& to, const PeerId& from) {
  return to_base32(PeerHint::of(to).bytes) + ":" + to_base32(PeerHint::of(from).bytes);
}

}  // namespace

PeerHint PeerHint::of(const PeerId& peer) {
  PeerHint hint;
  std::copy_n(peer.bytes.begin(), hint.bytes.size(), hint.bytes.begin());
  return hint;
}

std::optional<CheckNames> check_names(const stun::MessageView& message) {
  if (!message.is(stun::Method::binding, stun::Class::request)) return std::nullopt;
  auto name = message.username();
  if (!name || name->size() != 2 * kHintText + 1 || (*name)[kHintText] != ':') return std::nullopt;
  auto to = parse_hint(name->substr(0, kHintText));
  auto from = parse_hint(name->substr(kHintText + 1));
  if (!to || !from) return std::nullopt;
  return CheckNames{*to, *from};
}

std::optional<PeerHint> check_source(const stun::MessageView& message) {
  auto names = check_names(message);
  if (!names) return std::nullopt;
  return names->from;
}

Bytes make_check(const stun::TransactionId& id, const PeerId& to, const PeerId& from,
                 PathState state, const CheckPassword& password) {
  const std::uint8_t value[] = {static_cast<std::uint8_t>(state)};
  return stun::MessageBuilder(stun::Method::binding, stun::Class::request, id)
      .username(username_of(to, from))
      .attribute(stun::Attribute::path_state, value)
      .integrity_sha256(password)
      .fingerprint();
}

bool is_authentic_check(const stun::MessageView& request, const PeerId& self, const PeerId& peer,
                        const CheckPassword& own_password) {
  auto names = check_names(request);
  return names && names->to.matches(self) && names->from.matches(peer) &&
         request.has_fingerprint() && request.verify_integrity_sha256(own_password);
}

Bytes make_check_response(const stun::MessageView& request, const Endpoint& source, PathState state,
                          const CheckPassword& own_password) {
  const std::uint8_t value[] = {static_cast<std::uint8_t>(state)};
  return stun::MessageBuilder(stun::Method::binding, stun::Class::success, request.transaction())
      .xor_mapped_address(source)
      .attribute(stun::Attribute::path_state, value)
      .integrity_sha256(own_password)
      .fingerprint();
}

std::optional<CheckResponse> read_check_response(const stun::MessageView& response,
                                                 const CheckPassword& password) {
  if (!response.is(stun::Method::binding, stun::Class::success) ||
      !response.verify_integrity_sha256(password))
    return std::nullopt;
  auto mapped = response.mapped_address();
  if (!mapped) return std::nullopt;
  return CheckResponse{*mapped, path_state(response)};
}

PathState path_state(const stun::MessageView& message) {
  auto value = message.find(stun::Attribute::path_state);
  if (!value || value->size() != 1 || value->front() > static_cast<std::uint8_t>(PathState::direct))
    return PathState::none;
  return static_cast<PathState>(value->front());
}

}  // namespace lanrage::path
