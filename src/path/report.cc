#include "path/report.hpp"

#include <cmath>

namespace lanrage::path {
namespace {

using stun::NatType;

std::string percent(double share) {
  return std::to_string(std::lround(share * 100)) + " %";
}

std::string no_answer(const PathFacts& facts) {
  if (facts.tried == 0) return "the other side has told no address to check";
  if (facts.tried == 1) return "no answer to checks on its one address";
  return "no answer to checks on any of " + std::to_string(facts.tried) + " addresses";
}

// What the NAT types explain; they never keep anything from being tried.
std::string why_checks_fail(const PathFacts& facts) {
  bool own = facts.own_nat == NatType::symmetric;
  bool peer = facts.peer_nat == NatType::symmetric;
  if (own && peer) return "both sides are behind symmetric NATs";
  if (own && facts.peer_nat == NatType::port_restricted_cone)
    return "we are behind a symmetric NAT and the other side behind a port-restricted one";
  if (peer && facts.own_nat == NatType::port_restricted_cone)
    return "the other side is behind a symmetric NAT and we are behind a port-restricted one";
  return no_answer(facts);
}

std::string why_switch_failed(Switch::Outcome outcome, bool packet_filter) {
  switch (outcome) {
    case Switch::Outcome::silent:
      return "checks pass but WireGuard stays silent on the direct path";
    case Switch::Outcome::no_confirmation:
      return "checks pass but the other side didn't move to the direct path";
    case Switch::Outcome::reverted:
      return packet_filter ? "WireGuard went back to the relay; trying again"
                           : "no packet filter available to keep WireGuard on the direct path";
    case Switch::Outcome::rekeyed:
      return "a handshake came in between; trying again";
    case Switch::Outcome::running:
    case Switch::Outcome::done:
      break;
  }
  return "still trying";
}

}  // namespace

std::string why_relayed(const PathFacts& facts) {
  if (facts.silence) return sentence(*facts.silence);
  if (!facts.signal_seen) return "the other side hasn't told its addresses yet";
  if (facts.switching) return "moving to the direct path now";
  if (facts.direct_loss && facts.relay_loss)
    return "the direct path loses more (" + percent(*facts.direct_loss) + ") than the relay (" +
           percent(*facts.relay_loss) + ")";
  if (facts.direct_loss)
    return "the direct path loses too much (" + percent(*facts.direct_loss) + ")";
  if (facts.any_answer && facts.last_failure)
    return why_switch_failed(*facts.last_failure, facts.packet_filter);
  if (facts.works && !facts.initiator) return "checks pass; the other side moves both";
  if (facts.works || facts.any_answer || facts.punching) return "still trying";
  return why_checks_fail(facts);
}

std::string why_not_connected(const PathFacts& facts) {
  if (facts.silence) return sentence(*facts.silence);
  if (!facts.signal_seen) return "no word from the other side yet";
  if (!facts.ready) return "the other side isn't ready yet";
  if (facts.common_relay || facts.works) return "waiting for the WireGuard handshake";
  if (facts.relays && facts.peer_without_relay)
    return "the other side reaches no relay: its network seems to block UDP";
  if (facts.punching) return "no common relay; still trying directly";
  std::string relay = facts.relays ? "no common relay" : "no relay reachable";
  return relay + ", and " + why_checks_fail(facts);
}

}  // namespace lanrage::path
