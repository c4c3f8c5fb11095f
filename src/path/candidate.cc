#include "path/candidate.hpp"

#include <algorithm>

namespace lanrage::path {

bool is_usable(const Endpoint& endpoint) {
  const IpAddress& address = endpoint.address;
  if (endpoint.port == 0 || address.is_unspecified() || address.is_loopback() ||
      address.is_multicast())
    return false;
  if (address.is_v6()) return !address.is_link_local();
  // 0.0.0.0/8 is "this network" (RFC 1122), 240.0.0.0/4 reserved and broadcast.
  std::uint32_t top = address.v4_value() >> 24;
  return top != 0 && top < 240;
}

std::vector<Candidate> tidy(std::vector<Candidate> candidates, std::span<const Prefix> excluded) {
  std::erase_if(candidates, [&](const Candidate& candidate) {
    return !is_usable(candidate.endpoint) ||
           std::ranges::any_of(excluded, [&](const Prefix& prefix) {
             return prefix.contains(candidate.endpoint.address);
           });
  });
  std::ranges::sort(candidates);
  std::vector<Candidate> out;
  for (const Candidate& candidate : candidates) {
    if (out.size() == kMaxCandidates) break;
    if (std::ranges::find(out, candidate.endpoint, &Candidate::endpoint) == out.end())
      out.push_back(candidate);
  }
  return out;
}

std::vector<Candidate> newsworthy(std::vector<Candidate> candidates, stun::NatType nat) {
  if (nat != stun::NatType::symmetric) return candidates;
  for (Candidate& candidate : candidates)
    if (candidate.kind == CandidateKind::server_reflexive)
      candidate.endpoint = stun::newsworthy(nat, candidate.endpoint);
  const auto twice = std::ranges::unique(candidates);
  candidates.erase(twice.begin(), twice.end());
  return candidates;
}

}  // namespace lanrage::path
