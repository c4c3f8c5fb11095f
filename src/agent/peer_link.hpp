// The connection to one peer: its path machine, and what that machine asks of WireGuard, the packet
// filter and the wire. Exists while the peer is a member.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "agent/packet_filter.hpp"
#include "agent/tunnel.hpp"
#include "io/log.hpp"
#include "path/peer_path.hpp"
#include "path/signal.hpp"
#include "wireguard/device.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::agent {

// A member to be connected to.
struct ConnectivityPeer {
  PeerId id;
  crypto::VerifyKey identity;
  crypto::ExchangeKey box;
  IpAddress vip;
  bool beside_segment = false;   // its virtual IP is reached by the tunnel's device
  wireguard::PeerConfig tunnel;  // key, preshared key and addresses; the endpoint is ours to find
  // The same connection still: nothing that it was built from has changed.
  bool same_as(const ConnectivityPeer& other) const;
};

// What status and logs tell about a peer.
struct PeerReport {
  path::PathStatus path;
  wireguard::PeerStatus wireguard;
};

// What all links of a party share; outlives them.
struct LinkSurroundings {
  PartyId party;
  PeerId self;
  crypto::SigningKey identity;
  crypto::ExchangeSecret box;
  crypto::ExchangeKey wireguard;     // our public key in this party
  std::vector<Prefix> own_prefixes;  // of the party's addresses: no path leads through them
  std::uint64_t boot = 0;            // of signals: grows with every start
  bool beside_segment = false;       // our own virtual IP
  Random& random;
  Tunnel& tunnel;
  PacketFilter* filter;  // null where there is no nftables
  io::Log& log;
  std::function<void(const Endpoint& to, ByteView bytes, std::optional<int> ttl)> send;
  std::function<void(const PeerId& to, Bytes sealed)> send_signal;
  // Our data packets with these receiver indexes are for the peer with that key.
  std::function<void(const wireguard::Mac1Key& peer, std::span<const std::uint32_t> indexes)>
      set_routes;
  // Sends the question at once; its answer goes to PeerLink::on_mapping_seen.
  std::function<void(const PeerId& peer, std::uint32_t number)> ask_mapping;
  bool predict_ports = true;
  // Hears of every call on tunnel and filter that failed.
  std::function<void(const Error& error, std::string_view doing)> failed;
};

// What a signal tells beside paths.
struct SignalNews {
  bool begins_anew = false;     // its sender has, since the last one
  bool beside_segment = false;  // its sender's virtual IP
};

class PeerLink {
 public:
  PeerLink(Instant now, ConnectivityPeer peer, const LinkSurroundings& around,
           const path::LocalView& local, path::SignalReplay replay);
  ~PeerLink();  // takes the peer out of WireGuard
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  void on_local(Instant now, const path::LocalView& local);
  // Nothing when it is refused, or overtaken by a newer one.
  std::optional<SignalNews> on_signal(Instant now, ByteView sealed);
  void on_check(Instant now, const Endpoint& from, const stun::MessageView& request);
  bool on_check_response(Instant now, const Endpoint& from, const stun::MessageView& response);
  void on_handshake_packet(Instant now, const Endpoint& from, ByteView packet);
  void on_handshake_sent(Instant now, ByteView packet);
  // True when WireGuard shook hands since the last look.
  bool on_wireguard(Instant now, UnixTime calendar, const wireguard::DeviceStatus& device);
  void on_tunnel_probe(Instant now, std::optional<Duration> rtt);
  void on_mapping_seen(Instant now, std::uint32_t number, const Endpoint& seen);
  // The machine's addresses changed, or it slept.
  void on_link_change(Instant now);
  void on_timeout(Instant now);
  std::optional<Instant> next_timeout() const { return path_.next_timeout(); }

  void send_signal();
  // Without the control server no signal comes: lets the peer begin, who may know where we are.
  void on_server_away();
  // Preshared key (for the next handshake: the session that there is goes on), addresses and place
  // of one that is same_as() ours.
  void update(const ConnectivityPeer& peer);
  // True when an echo through the tunnel is due; it then counts as sent.
  bool take_probe(Instant now);
  bool wants_fast_poll() const { return fast_poll_; }
  // It was connected, and what it sends is no longer answered, or not yet again.
  bool is_silent(Instant now) const;
  path::RelayNeeds relay_needs() const { return path_.relay_needs(); }
  PeerReport report(Instant now) const { return {path_.status(now), wireguard_}; }
  const ConnectivityPeer& peer() const { return peer_; }
  const path::SignalReplay& replay() const { return replay_; }

 private:
  void run(Instant now, const path::Actions& actions);
  void set_endpoint(const Endpoint& endpoint);
  void configure(const std::optional<Endpoint>& endpoint);
  void keep_alive();
  void block(const path::BlockRelayed& session);
  void unblock();
  void log_path(Instant now);
  void check(const Result<void>& done, std::string_view doing) const;

  ConnectivityPeer peer_;
  const LinkSurroundings& around_;
  path::PeerPath path_;
  path::SignalReplay replay_;
  std::uint64_t signals_sent_ = 0;
  wireguard::PeerStatus wireguard_;
  std::optional<path::BlockRelayed> blocked_;
  bool fast_poll_ = false;
  bool configured_ = false;  // WireGuard knows the peer
  bool keepalive_on_ = false;
  Instant next_probe_;  // asked for
  Instant last_probe_{};
  path::PathKind logged_ = path::PathKind::offline;
};

}  // namespace lanrage::agent
