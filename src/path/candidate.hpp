// Addresses at which a peer may be reached directly.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "stun/nat_behaviour.hpp"

namespace lanrage::path {

enum class CandidateKind : std::uint8_t {
  host = 1,              // an address of one of the peer's own interfaces
  mapped = 2,            // a port mapping got by PCP, NAT-PMP or UPnP, or set by hand
  server_reflexive = 3,  // what a STUN server or relay saw
  peer_reflexive = 4,    // where an authenticated check came from
  guessed = 5,           // predicted from earlier mappings
};

constexpr std::string_view name_of(CandidateKind kind) {
  switch (kind) {
    case CandidateKind::host:
      return "host";
    case CandidateKind::mapped:
      return "mapped";
    case CandidateKind::server_reflexive:
      return "server_reflexive";
    case CandidateKind::peer_reflexive:
      return "peer_reflexive";
    case CandidateKind::guessed:
      return "guessed";
  }
  return "unknown";
}

struct Candidate {
  CandidateKind kind = CandidateKind::host;
  Endpoint endpoint;
  friend auto operator<=>(const Candidate&, const Candidate&) = default;  // likeliest first
};

inline constexpr std::size_t kMaxCandidates = 16;

// False for what can't be, or must not be, sent to: port 0, loopback, multicast, broadcast,
// unspecified, and IPv6 link-local (meaningless without a scope, which an Endpoint hasn't).
bool is_usable(const Endpoint& endpoint);

// The usable ones, each endpoint once (its likeliest kind), likeliest first, at most
// kMaxCandidates, none inside `excluded` (the tunnels' own prefixes: a path through a tunnel would
// carry itself).
std::vector<Candidate> tidy(std::vector<Candidate> candidates,
                            std::span<const Prefix> excluded = {});

// What of them is news to a peer, out of tidy(): behind a symmetric NAT a new port isn't, for the
// peer gets one of its own; the address is. Such ports come as 0.
std::vector<Candidate> newsworthy(std::vector<Candidate> candidates, stun::NatType nat);

}  // namespace lanrage::path
