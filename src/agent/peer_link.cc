#include "agent/peer_link.hpp"

#include <algorithm>

#include "base/overloaded.hpp"

namespace lanrage::agent {
namespace {

constexpr std::uint16_t kKeepaliveSeconds = 25;

path::PeerPathConfig path_config(const ConnectivityPeer& peer, const LinkSurroundings& around) {
  return {around.self,          peer.id,
          around.wireguard,     peer.tunnel.public_key,
          around.own_prefixes,  around.filter != nullptr,
          around.predict_ports, {}};
}

}  // namespace

bool ConnectivityPeer::same_as(const ConnectivityPeer& other) const {
  return id == other.id && tunnel.public_key == other.tunnel.public_key && vip == other.vip &&
         box == other.box;
}

PeerLink::PeerLink(Instant now, ConnectivityPeer peer, const LinkSurroundings& around,
                   const path::LocalView& local, path::SignalReplay replay)
    : peer_(std::move(peer)),
      around_(around),
      path_(path_config(peer_, around), around.random),
      replay_(replay),
      next_probe_(now) {
  // The passive side must know the peer before it can say so. The initiator adds it together with
  // an endpoint: a packet to a peer without one would start a handshake that goes nowhere, and
  // WireGuard waits 5 s before it starts another.
  if (!path_.initiator()) configure(std::nullopt);
  on_local(now, local);
}

PeerLink::~PeerLink() {
  unblock();
  around_.set_routes(wireguard::mac1_key(peer_.tunnel.public_key), {});
  if (!configured_) return;
  const wireguard::Operation remove = wireguard::RemovePeer{peer_.tunnel.public_key};
  check(around_.tunnel.apply({&remove, 1}), "remove a peer");
}

// ---- inputs

void PeerLink::on_local(Instant now, const path::LocalView& local) {
  path::Actions actions;
  path_.on_local(now, local, actions);
  run(now, actions);
}

std::optional<SignalNews> PeerLink::on_signal(Instant now, ByteView sealed) {
  const auto signal = path::open_signal(sealed, {around_.party, peer_.id, around_.self},
                                        peer_.identity, around_.box);
  if (!signal) {
    around_.log.warning("signal_refused",
                        {{"peer", peer_.id.to_string()}, {"detail", signal.error().message()}});
    return std::nullopt;
  }
  const SignalNews news{replay_.begins_anew(*signal), signal->beside_segment};
  if (!replay_.accept(*signal)) return std::nullopt;
  path::Actions actions;
  path_.on_signal(now, *signal, actions);
  run(now, actions);
  return news;
}

void PeerLink::on_check(Instant now, const Endpoint& from, const stun::MessageView& request) {
  path::Actions actions;
  path_.on_check(now, from, request, actions);
  run(now, actions);
}

bool PeerLink::on_check_response(Instant now, const Endpoint& from,
                                 const stun::MessageView& response) {
  path::Actions actions;
  const bool ours = path_.on_check_response(now, from, response, actions);
  run(now, actions);
  return ours;
}

void PeerLink::on_handshake_packet(Instant now, const Endpoint& from, ByteView packet) {
  path::Actions actions;
  path_.on_handshake_packet(now, from, packet, actions);
  run(now, actions);
}

void PeerLink::on_handshake_sent(Instant now, ByteView packet) {
  path::Actions actions;
  path_.on_handshake_sent(now, packet, actions);
  run(now, actions);
}

bool PeerLink::on_wireguard(Instant now, UnixTime calendar, const wireguard::DeviceStatus& device) {
  const auto found = device.peers.find(peer_.tunnel.public_key);
  if (found == device.peers.end()) return false;
  const auto before = std::exchange(wireguard_, found->second).latest_handshake;
  path::WireguardView view{wireguard_.endpoint, std::nullopt, wireguard_.rx_bytes,
                           wireguard_.tx_bytes};
  if (wireguard_.latest_handshake)
    view.latest_handshake = now - (calendar - *wireguard_.latest_handshake);
  path::Actions actions;
  path_.on_wireguard(now, view, actions);
  run(now, actions);
  return wireguard_.latest_handshake && wireguard_.latest_handshake != before;
}

void PeerLink::on_tunnel_probe(Instant now, std::optional<Duration> rtt) {
  path::Actions actions;
  path_.on_tunnel_probe(now, rtt, actions);
  run(now, actions);
}

void PeerLink::on_mapping_seen(Instant now, std::uint32_t number, const Endpoint& seen) {
  path::Actions actions;
  path_.on_mapping_seen(now, number, seen, actions);
  run(now, actions);
}

void PeerLink::on_link_change(Instant now) {
  // WireGuard keeps the source address that it sent from: to one that is gone, it may hold on. Said
  // anew, the endpoint loses it; and the packet that follows lets the peer's WireGuard roam.
  if (configured_ && wireguard_.endpoint) set_endpoint(*wireguard_.endpoint);
  path::Actions actions;
  path_.on_link_change(now, actions);
  run(now, actions);
}

void PeerLink::on_timeout(Instant now) {
  path::Actions actions;
  path_.on_timeout(now, actions);
  run(now, actions);
}

bool PeerLink::take_probe(Instant now) {
  if (now < std::min(next_probe_, last_probe_ + path_.echo_interval(now))) return false;
  const auto path = path_.status(now).path;
  if (path != path::PathKind::direct && path != path::PathKind::relay) return false;
  last_probe_ = now;
  next_probe_ = Instant::max();
  return true;
}

bool PeerLink::is_silent(Instant now) const {
  if (!fast_poll_) return false;
  const auto path = path_.status(now).path;
  return path == path::PathKind::direct || path == path::PathKind::relay;
}

// ---- what the machine asks for

void PeerLink::run(Instant now, const path::Actions& actions) {
  for (const auto& action : actions)
    std::visit(Overloaded{
                   [&](const path::SendDatagram& datagram) {
                     around_.send(datagram.to, datagram.bytes, datagram.ttl);
                   },
                   [&](const path::SetEndpoint& set) { set_endpoint(set.endpoint); },
                   [&](const path::ReplacePeer& replace) { configure(replace.endpoint); },
                   [&](const path::SendKeepalive&) { keep_alive(); },
                   [&](const path::BlockRelayed& session) { block(session); },
                   [&](const path::UnblockRelayed&) { unblock(); },
                   [&](const path::SetRoutes& routes) {
                     around_.set_routes(wireguard::mac1_key(peer_.tunnel.public_key),
                                        routes.receiver_indexes);
                   },
                   [&](const path::ProbeTunnel&) { next_probe_ = now; },
                   [&](const path::AskMapping& ask) { around_.ask_mapping(peer_.id, ask.number); },
                   [&](const path::SendSignal&) { send_signal(); },
                   [&](const path::WantFastPoll& want) { fast_poll_ = want.fast; },
                   [&](const path::StateChanged&) { log_path(now); },
               },
               action);
}

void PeerLink::set_endpoint(const Endpoint& endpoint) {
  if (!configured_) return configure(endpoint);
  const wireguard::Operation update =
      wireguard::UpdatePeer{peer_.tunnel.public_key, {}, endpoint, {}, kKeepaliveSeconds};
  check(around_.tunnel.apply({&update, 1}), "set an endpoint");
  keepalive_on_ = true;
  keep_alive();
}

// Sends one now. They stay on from then on: both sides' NATs must keep the mapping.
void PeerLink::keep_alive() {
  if (keepalive_on_)
    return check(around_.tunnel.send_keepalive(peer_.tunnel.public_key), "send a keepalive");
  const wireguard::Operation update =
      wireguard::UpdatePeer{peer_.tunnel.public_key, {}, {}, {}, kKeepaliveSeconds};
  check(around_.tunnel.apply({&update, 1}), "turn keepalives on");
  keepalive_on_ = true;
}

// Adds the peer, in place of what WireGuard knew of it; with an endpoint it shakes hands at once.
void PeerLink::configure(const std::optional<Endpoint>& endpoint) {
  auto peer = peer_.tunnel;
  peer.endpoint = endpoint;
  keepalive_on_ = endpoint.has_value();
  if (keepalive_on_) peer.keepalive_s = kKeepaliveSeconds;
  if (configured_) return check(around_.tunnel.replace_peer(peer), "replace a peer");
  const wireguard::Operation add = wireguard::AddPeer{std::move(peer)};
  check(around_.tunnel.apply({&add, 1}), "add a peer");
  configured_ = true;
}

void PeerLink::on_server_away() {
  if (!configured_) configure(std::nullopt);
}

void PeerLink::update(const ConnectivityPeer& peer) {
  const auto& tunnel = peer.tunnel;
  peer_.beside_segment = peer.beside_segment;
  wireguard::UpdatePeer update{.public_key = peer_.tunnel.public_key};
  if (peer_.tunnel.preshared_key != tunnel.preshared_key)
    update.preshared_key = peer_.tunnel.preshared_key = tunnel.preshared_key;
  if (peer_.tunnel.allowed_ips != tunnel.allowed_ips)
    update.allowed_ips = peer_.tunnel.allowed_ips = tunnel.allowed_ips;
  if (!configured_ || (!update.preshared_key && !update.allowed_ips)) return;
  const wireguard::Operation operation = std::move(update);
  check(around_.tunnel.apply({&operation, 1}), "change a peer");
}

void PeerLink::block(const path::BlockRelayed& session) {
  if (around_.filter == nullptr) return;
  unblock();
  blocked_ = session;
  check(around_.filter->block_relayed(session.relay, session.receiver_index, session.as),
        "filter a session");
}

void PeerLink::unblock() {
  if (around_.filter == nullptr || !blocked_) return;
  check(around_.filter->unblock(blocked_->relay, blocked_->receiver_index), "lift the filter");
  blocked_.reset();
}

void PeerLink::send_signal() {
  auto signal = path_.signal();
  signal.boot = around_.boot;
  signal.counter = ++signals_sent_;
  signal.beside_segment = around_.beside_segment;
  auto sealed = path::seal_signal(around_.random, signal, {around_.party, around_.self, peer_.id},
                                  around_.identity, peer_.box);
  if (sealed)
    around_.send_signal(peer_.id, std::move(*sealed));
  else
    around_.log.warning("signal_not_sealed",
                        {{"peer", peer_.id.to_string()}, {"detail", sealed.error().message()}});
}

void PeerLink::log_path(Instant now) {
  const auto status = path_.status(now);
  if (status.path == logged_) return;
  logged_ = status.path;
  next_probe_ = now;  // a new path: its round trip is news
  around_.log.info("path", {{"peer", peer_.id.to_string()},
                            {"path", std::string(path::name_of(status.path))},
                            {"endpoint", status.endpoint ? status.endpoint->to_string() : "-"},
                            {"why_relayed", status.why_relayed}});
}

void PeerLink::check(const Result<void>& done, std::string_view doing) const {
  if (!done) around_.failed(done.error(), doing);
}

}  // namespace lanrage::agent
