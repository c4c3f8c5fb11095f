// Identifiers that commit to a key: the first 16 bytes of SHA-256 of a public key, written as 26
// characters of lower-case base32. Distinct types, so that a party's id can't pass for a peer's.
#pragma once

#include <compare>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/encoding.hpp"

namespace lanrage {

template <class Tag>
struct Id {
  ByteArray<16> bytes{};

  static std::optional<Id> parse(std::string_view text) {
    auto decoded = from_base32(text);
    if (!decoded || decoded->size() != 16) return std::nullopt;
    Id out;
    std::memcpy(out.bytes.data(), decoded->data(), 16);
    return out;
  }
  std::string to_string() const { return to_base32(bytes); }
  friend auto operator<=>(const Id&, const Id&) = default;
};

using PeerId = Id<struct PeerTag>;
using PartyId = Id<struct PartyTag>;
using InviteId = Id<struct InviteTag>;  // from the invite's public signing key

}  // namespace lanrage

template <class Tag>
struct std::hash<lanrage::Id<Tag>> {
  std::size_t operator()(const lanrage::Id<Tag>& id) const noexcept {
    std::size_t h = 0;
    std::memcpy(&h, id.bytes.data(), sizeof h);  // already uniform: bytes of a hash
    return h;
  }
};
