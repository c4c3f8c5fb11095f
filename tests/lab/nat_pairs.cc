#include "nat_pairs.hpp"

#include <algorithm>

namespace lanrage::lab {
namespace {

using enum NatKind;
using enum Meeting;

const NatPair* find(NatKind a, NatKind b) {
  const auto& pairs = nat_pairs();
  const auto found = std::ranges::find_if(pairs, [&](const NatPair& pair) {
    return (pair.a == a && pair.b == b) || (pair.a == b && pair.b == a);
  });
  return found == pairs.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<NatPair>& nat_pairs() {
  static const std::vector<NatPair> pairs{
      {open, open, direct},
      {open, full_cone, direct},
      {open, restricted_cone, direct},
      {open, port_restricted_cone, direct},
      {open, symmetric, direct},
      {open, cgnat, direct},
      {open, udp_blocked, none},

      {full_cone, full_cone, direct},
      {full_cone, restricted_cone, direct},
      {full_cone, port_restricted_cone, direct},
      {full_cone, symmetric, direct},
      {full_cone, cgnat, direct},
      {full_cone, udp_blocked, none},

      {restricted_cone, restricted_cone, direct},
      {restricted_cone, port_restricted_cone, direct},
      {restricted_cone, symmetric, direct},
      {restricted_cone, cgnat, direct},
      {restricted_cone, udp_blocked, none},

      {port_restricted_cone, port_restricted_cone, direct},
      {port_restricted_cone, symmetric, relay},
      {port_restricted_cone, cgnat, direct},
      {port_restricted_cone, udp_blocked, none},

      {symmetric, symmetric, relay},
      {symmetric, cgnat, relay},
      {symmetric, udp_blocked, none},

      {cgnat, cgnat, direct},
      {cgnat, udp_blocked, none},

      {udp_blocked, udp_blocked, none},
  };
  return pairs;
}

Meeting expected_meeting(NatKind a, NatKind b) {
  return find(a, b)->meeting;  // the table is complete: NatPairs.AreAllThere
}

std::optional<NatPair> nat_pair_from(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto a = nat_kind_from(text.substr(0, colon));
  const auto b = nat_kind_from(text.substr(colon + 1));
  if (!a || !b) return std::nullopt;
  return NatPair{*a, *b, expected_meeting(*a, *b)};
}

}  // namespace lanrage::lab
