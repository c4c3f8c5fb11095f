// What members are called on the LAN: NICK.lan, and NICK.PARTY.lan in each of several parties.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::lan {

inline constexpr std::string_view kZone = "lan";

// Full names in lower case, without the root's dot: "anna.lan".
using NameTable = std::map<std::string, IpAddress, std::less<>>;

struct NamedMember {
  std::string nick;
  IpAddress vip;
  friend bool operator==(const NamedMember&, const NamedMember&) = default;
};

struct NamedParty {
  std::string name;
  std::vector<NamedMember> members;  // by admission: of two with one label the later gets "-2"
  friend bool operator==(const NamedParty&, const NamedParty&) = default;
};

// A DNS label (RFC 1035 section 2.3.1; at most 50 octets, room for a number) for any text: Latin
// letters lose what stands above and below them, all else that is neither letter nor digit becomes
// a hyphen. Where that leaves nothing, a number or what other programs give a meaning (wpad,
// router): `prefix`, and the label behind it.
std::string label_of(std::string_view text, std::string_view prefix = "player");

// For each party its names; the first one that has a plain name keeps it.
std::vector<NameTable> names_of(std::span<const NamedParty> parties);

// The smallest set of domains that holds these names, and next to nothing besides.
std::set<std::string> domains_of(const NameTable& names);

}  // namespace lanrage::lan
