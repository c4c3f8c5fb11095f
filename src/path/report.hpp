// Sentences for people: why a peer isn't reached directly, or not at all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "path/switching.hpp"
#include "path/udp_silence.hpp"
#include "stun/nat_behaviour.hpp"

namespace lanrage::path {

struct PathFacts {
  stun::NatType own_nat = stun::NatType::unknown;
  stun::NatType peer_nat = stun::NatType::unknown;
  bool initiator = false;
  bool packet_filter = true;
  bool signal_seen = false;  // the peer has told its addresses
  bool ready = false;        // both WireGuards know each other
  bool common_relay = false;
  bool relays = false;                // we are bound at one at all
  std::optional<UdpSilence> silence;  // and the peer isn't heard either
  bool peer_without_relay = false;    // and it has had the time to find one
  bool punching = false;              // hard
  std::size_t tried = 0;              // addresses of the peer
  bool any_answer = false;            // within the last half minute
  bool works = false;                 // checks pass both ways now
  bool switching = false;
  std::optional<Switch::Outcome> last_failure;
  std::optional<double> direct_loss;  // when that is what speaks against it
  std::optional<double> relay_loss;
};

// No full stop at the end.
std::string why_relayed(const PathFacts& facts);
std::string why_not_connected(const PathFacts& facts);

}  // namespace lanrage::path
