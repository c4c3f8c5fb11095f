// The connectivity to one peer of one party: relay first, hole punching meanwhile, then the switch
// to a direct path, and back when that dies. Pure: time, randomness and events come in, actions go
// out. A leaving peer is the shell's business: it destroys the PeerPath.
//
// The shell's side of it:
//  - calls on_timeout when next_timeout() is due; executes actions in their order, at once;
//  - gives each authenticated-looking check to the PeerPath whose peer check_source() matches, and
//    each Binding response whose transaction id none of its own transactions knows to every
//    PeerPath of the party until one returns true;
//  - gives each WireGuard handshake packet that arrives at the party's port, or leaves from it, to
//    *every* PeerPath of the party: all relayed peers share the relay's address, and only what
//    leaves tells whose it is;
//  - polls WireGuard every second (100 ms while WantFastPoll{true}).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"
#include "path/action.hpp"
#include "path/candidate.hpp"
#include "path/check.hpp"
#include "path/signal.hpp"
#include "path/tuning.hpp"
#include "path/udp_silence.hpp"
#include "stun/message.hpp"
#include "stun/nat_behaviour.hpp"

namespace lanrage::path {

struct PeerPathConfig {
  PeerId self;
  PeerId peer;
  crypto::ExchangeKey own_wg;
  crypto::ExchangeKey peer_wg;
  std::vector<Prefix> excluded;  // prefixes of our tunnels: no path may lead through one
  bool packet_filter = true;     // BlockRelayed works here
  bool predict_ports = true;     // guess our symmetric NAT's ports, and check what a peer guessed
  Tuning tuning;
};

// A relay at which we are bound, at the endpoint by which we reach it.
struct RelayBinding {
  std::string id;
  Endpoint endpoint;
  std::optional<Duration> rtt;
  std::uint64_t generation = 0;  // changes when the relay has lost its sessions (new boot id)
  bool loaded = false;           // near its limit: not for pairs that aren't there yet
  friend bool operator==(const RelayBinding&, const RelayBinding&) = default;
};

// Our own side, as it is now.
struct LocalView {
  std::vector<Candidate> candidates;
  std::vector<RelayBinding> relays;
  stun::NatType nat = stun::NatType::unknown;
  bool ready = false;                   // our WireGuard knows the peer
  std::optional<UdpSilence> silence{};  // when nobody at all answers over UDP
  friend bool operator==(const LocalView&, const LocalView&) = default;
};

// What WireGuard says about the peer. The shell turns the handshake's calendar time into an Instant
// (now minus its age); milliseconds matter.
struct WireguardView {
  std::optional<Endpoint> endpoint;
  std::optional<Instant> latest_handshake;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_bytes = 0;
};

enum class PathKind { offline, connecting, relay, direct };
enum class State { connecting, connected, degraded, failed };
std::string_view name_of(PathKind kind);
std::string_view name_of(State state);

struct PathStatus {
  PathKind path = PathKind::connecting;
  State state = State::connecting;
  std::optional<Endpoint> endpoint;   // WireGuard's, while connected
  std::optional<std::string> relay;   // id, while relayed
  std::optional<CandidateKind> kind;  // of the direct path
  std::string why_relayed;            // a sentence without full stop; empty when direct
  std::optional<Duration> rtt;
  std::optional<Duration> jitter;
  double loss = 0;
};

// Where a path needs its own side to be bound, beside wherever it is bound anyway. Ids.
struct RelayNeeds {
  std::optional<std::string> in_use;
  std::optional<std::string> nearest_to_peer;
};

// Counters for logs and tests.
struct PathCounters {
  std::uint64_t checks_sent = 0;
  std::uint64_t checks_answered = 0;
  std::uint64_t checks_received = 0;
  std::uint64_t checks_refused = 0;  // not authentic
  std::uint64_t switches_started = 0;
  std::uint64_t switches_done = 0;
  std::uint64_t switches_unfiltered = 0;  // own receiver index unknown, or no packet filter
  std::uint64_t fallbacks = 0;
  std::uint64_t reroutes_started = 0;  // to a relay without a handshake
  std::uint64_t reroutes_done = 0;
  std::uint64_t peers_replaced = 0;
  std::uint64_t endpoints_set_back = 0;
  std::uint64_t mappings_asked = 0;
};

class PeerPath {
 public:
  // `random` must outlive the object.
  PeerPath(PeerPathConfig config, Random& random);
  ~PeerPath();
  PeerPath(PeerPath&&) noexcept;
  PeerPath& operator=(PeerPath&&) noexcept;

  // Inputs: call whenever something changes; each may append to `out`.
  void on_local(Instant now, const LocalView& local, Actions& out);
  void on_signal(Instant now, const Signal& signal, Actions& out);  // opened, and not a replay
  // A Binding request whose check_source() is this peer. Answered if authentic, up to a limit.
  void on_check(Instant now, const Endpoint& from, const stun::MessageView& request, Actions& out);
  // True when the response belongs to one of our checks.
  bool on_check_response(Instant now, const Endpoint& from, const stun::MessageView& response,
                         Actions& out);
  void on_wireguard(Instant now, const WireguardView& view, Actions& out);
  void on_handshake_packet(Instant now, const Endpoint& from, ByteView packet, Actions& out);
  void on_handshake_sent(Instant now, ByteView packet, Actions& out);
  // An echo through the tunnel: its RTT, or nothing when it was lost.
  void on_tunnel_probe(Instant now, std::optional<Duration> rtt, Actions& out);
  // The answer to AskMapping.
  void on_mapping_seen(Instant now, std::uint32_t number, const Endpoint& seen, Actions& out);
  // Link change or resume from sleep: punch again, trust nothing measured before.
  void on_link_change(Instant now, Actions& out);

  void on_timeout(Instant now, Actions& out);
  std::optional<Instant> next_timeout() const;

  // What to tell the peer now; the shell fills in boot and counter.
  Signal signal() const;
  PathStatus status(Instant now) const;
  RelayNeeds relay_needs() const;
  const PathCounters& counters() const;
  // How long to wait between two echoes through the tunnel, besides those that ProbeTunnel asks
  // for.
  Duration echo_interval(Instant now) const;
  bool initiator() const;  // the lower WireGuard key of the pair initiates and switches

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanrage::path
