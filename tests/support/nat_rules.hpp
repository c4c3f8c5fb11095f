// The nftables recipes that make a namespace behave like a home router of a given kind.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"

namespace lanrage::lab {

// What stands between a player and the internet.
enum class NatKind {
  open,  // no router: a public address
  full_cone,
  restricted_cone,
  port_restricted_cone,
  symmetric,
  cgnat,  // two routers in a row, the home's and the carrier's, each port_restricted_cone
  udp_blocked,
  counting,  // symmetric, and each new flow gets the next port: a sort of `symmetric`, not a kind
};

// Those that players know; `netcheck` and the table of pairs know no other.
inline constexpr std::array kNatKinds{
    NatKind::open,      NatKind::full_cone, NatKind::restricted_cone, NatKind::port_restricted_cone,
    NatKind::symmetric, NatKind::cgnat,     NatKind::udp_blocked};

constexpr std::string_view name_of(NatKind kind) {
  switch (kind) {
    case NatKind::open:
      return "open";
    case NatKind::full_cone:
      return "full_cone";
    case NatKind::restricted_cone:
      return "restricted_cone";
    case NatKind::port_restricted_cone:
      return "port_restricted_cone";
    case NatKind::symmetric:
      return "symmetric";
    case NatKind::cgnat:
      return "cgnat";
    case NatKind::udp_blocked:
      return "udp_blocked";
    case NatKind::counting:
      return "counting";
  }
  return "unknown";
}

std::optional<NatKind> nat_kind_from(std::string_view name);
// All names, as a message lists them.
std::string nat_kind_names();

enum class Transport { tcp, udp };

struct Forward {
  Transport transport;
  std::uint16_t port;  // the same outside and inside
  IpAddress to;
};

enum class Way { both, out, in };

// What a router keeps from passing, known flows included.
struct Block {
  IpAddress outside;
  Way way = Way::both;  // to that address, from there, or either
};

struct NatPlan {
  NatKind kind;  // of one router: neither open nor cgnat
  IpAddress wan_address;
  bool hairpin = false;  // a LAN host reaches another one by the WAN address
  std::vector<Forward> forwards{};
  std::vector<Block> blocked{};
};

// A whole ruleset for a router with interfaces "wan" and "lan"; it replaces any earlier one.
std::string nat_ruleset(const NatPlan& plan);

// What a home's router does with IPv6: no translation, and nobody outside begins. `kind` only says
// whether UDP is blocked.
std::string ipv6_ruleset(NatKind kind, const std::vector<Block>& blocked);

}  // namespace lanrage::lab
