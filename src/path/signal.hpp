// What two members of a party tell each other through the control server, which can't read it: a
// full snapshot each time, so a newer signal replaces an older one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"
#include "path/candidate.hpp"
#include "path/errc.hpp"
#include "stun/nat_behaviour.hpp"

namespace lanrage::path {

inline constexpr std::size_t kMaxSignalRelays = 8;
inline constexpr std::size_t kMaxRelayId = 64;         // bytes
inline constexpr std::size_t kMaxSealedSignal = 2048;  // bytes, whole box

// A relay at which the sender is bound.
struct SignalRelay {
  std::string id;
  std::optional<Duration> rtt;  // whole milliseconds on the wire, at most 65 s
  friend bool operator==(const SignalRelay&, const SignalRelay&) = default;
};

struct Signal {
  std::uint64_t boot = 0;     // grows with every start of the sender's agent (Unix milliseconds)
  std::uint64_t counter = 0;  // grows with every signal to this peer within one boot
  std::vector<Candidate> candidates;
  ByteArray<16> check_password{};  // keys the checks that the receiver sends to the sender
  stun::NatType nat = stun::NatType::unknown;
  std::vector<SignalRelay> relays;
  bool ready = false;  // the sender's WireGuard knows the receiver
  // The sender's virtual IP isn't on the party's LAN segment, but on its WireGuard device.
  bool beside_segment = false;
  friend bool operator==(const Signal&, const Signal&) = default;
};

struct SignalRoute {
  PartyId party;
  PeerId from;
  PeerId to;
};

// The plain body. Lists longer than their limits are cut when encoding and refused when decoding.
Bytes encode_signal(const Signal& signal);
Result<Signal> decode_signal(ByteView body);

// Signed over the route and body, then sealed to the recipient's box key with the route as
// associated data.
Result<Bytes> seal_signal(Random& random, const Signal& signal, const SignalRoute& route,
                          const crypto::SigningKey& sender, const crypto::ExchangeKey& recipient);
Result<Signal> open_signal(ByteView sealed, const SignalRoute& route,
                           const crypto::VerifyKey& sender,
                           const crypto::ExchangeSecret& recipient);

// One a sender and party. Signals are snapshots, so one that was overtaken by a newer one is
// refused like a replay. Keep it while the peer is a member, across PeerPath objects.
class SignalReplay {
 public:
  Result<void> accept(const Signal& signal);
  // Whether the sender's agent has begun anew since the last one accepted.
  bool begins_anew(const Signal& signal) const { return any_ && signal.boot > boot_; }

 private:
  std::uint64_t boot_ = 0;
  std::uint64_t counter_ = 0;
  bool any_ = false;
};

}  // namespace lanrage::path
