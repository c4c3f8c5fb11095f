// The paths from one party's WireGuard port to all of its peers: drives the pure machines (relay
// binds, NAT probe, one PeerPath a peer) with the clock, the shared port and the tunnel.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/echo_socket.hpp"
#include "agent/packet_filter.hpp"
#include "agent/relay_binds.hpp"
#include "agent/tunnel.hpp"
#include "crypto/keys.hpp"
#include "io/log.hpp"
#include "io/wireguard_port.hpp"
#include "path/peer_path.hpp"
#include "path/signal.hpp"
#include "stun/nat_behaviour.hpp"

namespace lanrage::agent {

// A member to be connected to.
struct ConnectivityPeer {
  PeerId id;
  crypto::VerifyKey identity;
  crypto::ExchangeKey box;
  IpAddress vip;
  wireguard::PeerConfig tunnel;  // key, preshared key and addresses; the endpoint is ours to find
  bool operator==(const ConnectivityPeer& other) const {
    return id == other.id && tunnel.public_key == other.tunnel.public_key && vip == other.vip &&
           box == other.box;
  }
};

// What status and logs tell about a peer.
struct PeerReport {
  path::PathStatus path;
  wireguard::PeerStatus wireguard;
};

class Connectivity : public std::enable_shared_from_this<Connectivity> {
 public:
  struct Options {
    PartyId party;
    PeerId self;
    Prefix prefix;
    crypto::SigningKey identity;
    crypto::ExchangeSecret box;
    crypto::ExchangeKey wireguard;  // our public key in this party
    crypto::SigningKey bind_key;
  };
  struct Callbacks {
    std::function<void(PeerId to, Bytes sealed)> send_signal;
    std::function<void()> want_relay_token;
    std::function<void(const stun::NatReport&)> on_nat;
    std::function<void(const Error&)> on_tunnel_lost;  // the device is gone for good
  };

  // `tunnel` and `log` outlive it. Errors: WireguardPort's and EchoSocket's.
  static Result<std::shared_ptr<Connectivity>> open(boost::asio::io_context& io, Tunnel& tunnel,
                                                    Options options, Callbacks callbacks,
                                                    io::Log& log);
  ~Connectivity();
  // Lets go of the tunnel and stops every timer; no callback comes after it. Not inside a callback.
  void close();

  void set_relays(const protocol::RelayGrant& grant);
  // The members as they are now: new ones are configured and connected to, others dropped.
  void set_peers(const std::vector<ConnectivityPeer>& peers);
  // A sealed signal from a member, as the control server delivered it.
  void on_signal(const PeerId& from, ByteView sealed);
  // Signals sent while the control link was down are lost: tell everybody where we are again.
  void on_link_back();

  std::optional<PeerReport> report(const PeerId& peer) const;
  const stun::NatReport& nat() const { return nat_; }
  std::vector<Endpoint> own_endpoints() const;
  EchoSocket& echo() { return *echo_; }

 private:
  struct Link {
    ConnectivityPeer peer;
    path::PeerPath path;
    path::SignalReplay replay;
    std::uint64_t signals_sent = 0;
    wireguard::PeerStatus wireguard;
    std::optional<path::BlockRelayed> blocked;
    bool fast_poll = false;
    bool configured = false;  // WireGuard knows the peer
    Instant next_probe{};
    path::PathKind logged = path::PathKind::offline;
  };

  Connectivity(boost::asio::io_context& io, Tunnel& tunnel, Options options, Callbacks callbacks,
               io::Log& log);

  void on_received(const Endpoint& from, ByteView payload);
  void on_timer();
  void poll_wireguard(Instant now);
  void probe_tunnels(Instant now);
  void probe_nat(Instant now);
  // Tells the paths what has changed on our side.
  void refresh_local(Instant now);
  void schedule();
  std::optional<Instant> next_timeout() const;

  // Executes what the machines ask for, then sets the timer anew.
  void run(const PeerId& id, path::Actions& actions);
  void run(Link& link, const path::Action& action);
  void send(const Endpoint& to, ByteView bytes, std::optional<int> ttl);
  void send_all(stun::Datagrams& datagrams);
  void configure(Link& link, const std::optional<Endpoint>& endpoint);
  void send_signal(Link& link);
  void log_path(Link& link, Instant now);
  void check(const Result<void>& done, std::string_view doing);

  boost::asio::io_context& io_;
  Tunnel& tunnel_;
  Options options_;
  Callbacks callbacks_;
  io::Log& log_;
  crypto::SystemRandom random_;
  std::unique_ptr<io::WireguardPort> port_;
  std::unique_ptr<PacketFilter> filter_;  // none where there is no nftables
  std::unique_ptr<EchoSocket> echo_;
  boost::asio::steady_timer timer_;
  RelayBinds relays_;
  std::vector<protocol::Relay> relay_addresses_;
  std::optional<stun::NatProbe> probe_;
  stun::NatReport nat_;
  path::LocalView local_;
  std::map<PeerId, std::unique_ptr<Link>> links_;
  std::map<PeerId, path::SignalReplay> replays_;  // of peers that went and may come back
  std::uint64_t boot_;
  Instant next_poll_{};
  Instant next_nat_probe_{};
  Instant next_refresh_{};
  bool token_wanted_ = false;
  bool closed_ = false;
};

}  // namespace lanrage::agent
