// The paths from one party's WireGuard port to all of its peers: drives the pure machines (relay
// binds, local discovery, one PeerLink a peer) with the clock, the shared port and the tunnel.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/echo_socket.hpp"
#include "agent/local_discovery.hpp"
#include "agent/network_monitor.hpp"
#include "agent/peer_link.hpp"
#include "agent/port_mapper.hpp"
#include "agent/relay_binds.hpp"
#include "crypto/keys.hpp"
#include "io/log.hpp"
#include "io/wireguard_port.hpp"

namespace lanrage::agent {

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
    std::uint64_t boot = 0;  // of our signals: higher than at any earlier start
    // With our virtual IP: of the party's LAN segment, or the tunnel's own.
    std::string lan_interface;
    // Both outlive it, or its close(). None: the router isn't asked; moves go unnoticed.
    PortMapper* ports = nullptr;
    NetworkMonitor* network = nullptr;
    bool predict_ports = true;  // of symmetric NATs, ours and peers'
  };
  struct Callbacks {
    std::function<void(const PeerId& to, Bytes sealed)> send_signal;
    std::function<void()> want_relay_token;
    std::function<void(const stun::NatReport&)> on_nat;
    std::function<void(const PeerId&)> on_handshake;  // WireGuard shook hands with it
    std::function<void(const PeerId&)> on_restart;    // its agent began anew
    // Its virtual IP is beside the LAN segment, or on it; told with each of its signals.
    std::function<void(const PeerId&, bool beside_segment)> on_place;
    std::function<void()> on_moved;                    // connections of before may be dead
    std::function<void(const Error&)> on_tunnel_lost;  // the device is gone for good
  };

  // `tunnel` and `log` outlive it, or its close(). Errors: WireguardPort's and EchoSocket's.
  static Result<std::shared_ptr<Connectivity>> open(boost::asio::io_context& io, Tunnel& tunnel,
                                                    const Options& options, Callbacks callbacks,
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
  // The control server isn't reached any more: its relays may be gone with it.
  void on_link_lost();

  std::optional<PeerReport> report(const PeerId& peer) const;
  const stun::NatReport& nat() const { return discovery_.nat(); }
  std::vector<Endpoint> own_endpoints() const;
  // The router's forward of our port, and where others reach us by it.
  const std::optional<PortMapping>& mapping() const { return discovery_.mapping(); }
  std::optional<Endpoint> mapped_endpoint() const { return discovery_.mapped_endpoint(relays_); }
  // Whether UDP gets out and back; nothing while that isn't known.
  std::optional<bool> udp() const { return discovery_.udp(); }
  // When it doesn't: what is wrong and what to do, a sentence without full stop.
  std::optional<std::string> udp_note() const;
  // EchoSocket::echo() with a member's virtual IP, by the device where it is.
  boost::asio::awaitable<std::optional<Duration>> echo(const PeerId& peer, Duration timeout,
                                                       std::size_t size = EchoSocket::kEchoSize);

 private:
  static constexpr Duration kNatProbeIdle = std::chrono::seconds(120);  // all are direct

  Connectivity(boost::asio::io_context& io, Tunnel& tunnel, const Options& options,
               Callbacks callbacks, io::Log& log);

  Result<void> open_echo(const std::string& lan_interface);
  void on_received(const Endpoint& from, ByteView payload);
  void on_handshake_sent(ByteView payload);
  void on_stun(Instant now, const Endpoint& from, const stun::MessageView& message);
  void on_mapping(const std::optional<PortMapping>& mapping);
  void ask_mapping_for(const PeerId& peer, std::uint32_t number);
  void on_timer();
  void poll_wireguard(Instant now);
  void probe_tunnels(Instant now);
  void probe_nat(Instant now);
  // The relays are silent. So may be everybody: asks them all.
  void suspect_udp(Instant now);
  // Nothing measured before holds any more: bind, probe and punch again.
  void on_link_change(Instant now);
  // A tunnel is silent: perhaps our address outside is another one by now.
  void check_binds(Instant now);
  void bind_where_needed(Instant now);
  // Tells the links what has changed on our side.
  void refresh_local(Instant now);
  void schedule();
  Instant next_timeout() const;
  bool fast_poll() const;
  bool all_direct(Instant now) const;
  void send(const Endpoint& to, ByteView bytes, std::optional<int> ttl);
  void send_all(stun::Datagrams& datagrams);
  void failed(const Error& error, std::string_view doing);

  boost::asio::io_context& io_;
  Tunnel& tunnel_;
  Callbacks callbacks_;
  io::Log& log_;
  crypto::SystemRandom random_;
  std::unique_ptr<io::WireguardPort> port_;
  std::unique_ptr<PacketFilter> filter_;  // none where there is no nftables
  std::unique_ptr<EchoSocket> lan_echo_;  // none where our virtual IP is on the tunnel
  std::unique_ptr<EchoSocket> tunnel_echo_;
  boost::asio::steady_timer timer_;
  RelayBinds relays_;
  LocalDiscovery discovery_;
  path::LocalView local_;
  stun::NatReport published_;
  PortMapper* ports_;
  std::unique_ptr<PortMapper::Lease> port_lease_;
  std::unique_ptr<NetworkMonitor::Subscription> network_;
  LinkSurroundings around_;
  std::map<PeerId, std::unique_ptr<PeerLink>> links_;
  std::map<PeerId, path::SignalReplay> replays_;  // of peers that went and may come back
  Instant next_poll_{};
  Instant next_nat_probe_{};
  Instant next_refresh_{};
  Instant next_bind_check_{};
  std::optional<Instant> bind_check_due_;  // whether or not a tunnel is silent
  Instant next_suspicion_{};
  bool token_wanted_ = false;
  bool closed_ = false;
};

}  // namespace lanrage::agent
