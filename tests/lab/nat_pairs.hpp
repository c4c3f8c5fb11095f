// What becomes of two players behind each pair of NATs: the table that docs/guide/paths.md explains
// and that `./dev bench path` and the lab hold the programs to.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "support/nat_rules.hpp"

namespace lanrage::lab {

enum class Meeting { direct, relay, none };

constexpr std::string_view name_of(Meeting meeting) {
  switch (meeting) {
    case Meeting::direct:
      return "direct";
    case Meeting::relay:
      return "relay";
    case Meeting::none:
      return "none";
  }
  return "unknown";
}

struct NatPair {
  NatKind a;
  NatKind b;
  Meeting meeting;
};

// Every unordered pair, `a` not after `b` in the order of kNatKinds.
const std::vector<NatPair>& nat_pairs();
Meeting expected_meeting(NatKind a, NatKind b);  // in either order

// From "KIND:KIND", in either order; nothing when that isn't a pair of kinds.
std::optional<NatPair> nat_pair_from(std::string_view text);

}  // namespace lanrage::lab
