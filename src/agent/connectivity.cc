#include "agent/connectivity.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "agent/clock.hpp"
#include "agent/local_addresses.hpp"
#include "path/check.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr Duration kSlowPoll = 1s;
constexpr Duration kFastPoll = 100ms;
constexpr Duration kNatProbeEvery = 25s;  // while some peer isn't reached directly
constexpr Duration kNatProbeIdle = 120s;
constexpr Duration kRefreshEvery = 2s;  // own addresses
constexpr Duration kEchoEvery = 5s;
constexpr Duration kEchoTimeout = 2s;
constexpr std::uint16_t kKeepaliveSeconds = 25;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

Connectivity::Connectivity(asio::io_context& io, Tunnel& tunnel, Options options,
                           Callbacks callbacks, io::Log& log)
    : io_(io),
      tunnel_(tunnel),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      log_(log),
      timer_(io),
      relays_(options_.bind_key, random_),
      boot_(static_cast<std::uint64_t>(unix_now().time_since_epoch().count())) {}

Connectivity::~Connectivity() {
  close();
}

Result<std::shared_ptr<Connectivity>> Connectivity::open(asio::io_context& io, Tunnel& tunnel,
                                                         Options options, Callbacks callbacks,
                                                         io::Log& log) {
  std::shared_ptr<Connectivity> self(
      new Connectivity(io, tunnel, std::move(options), std::move(callbacks), log));
  auto echo = EchoSocket::open(io, tunnel.interface_name());
  if (!echo) return std::unexpected(echo.error());
  self->echo_ = std::move(*echo);
  auto filter = PacketFilter::open(tunnel.interface_name(), tunnel.listen_port());
  if (filter)
    self->filter_ = std::move(*filter);
  else
    log.warning("no_packet_filter",
                {{"interface", tunnel.interface_name()}, {"detail", filter.error().message()}});
  io::WireguardPort::Callbacks port_callbacks;
  port_callbacks.on_received = [raw = self.get()](Endpoint from, ByteView payload) {
    raw->on_received(from, payload);
  };
  auto port =
      io::WireguardPort::open(io.get_executor(), tunnel.listen_port(), std::move(port_callbacks));
  if (!port) return std::unexpected(port.error());
  self->port_ = std::move(*port);
  const auto now = monotonic_now();
  self->next_poll_ = self->next_refresh_ = now;
  self->next_nat_probe_ = now + kNatProbeIdle;  // set_relays() brings it forward
  self->local_.ready = true;
  self->refresh_local(now);
  self->schedule();
  return self;
}

void Connectivity::close() {
  closed_ = true;
  callbacks_ = {};
  timer_.cancel();
  // An echo under way may keep this object a little longer than the tunnel lives.
  port_.reset();
  filter_.reset();
  links_.clear();
}

// ---- what others tell us

void Connectivity::set_relays(const protocol::RelayGrant& grant) {
  const auto now = monotonic_now();
  stun::Datagrams datagrams;
  relays_.set_grant(now, grant, datagrams);
  token_wanted_ = false;
  send_all(datagrams);
  if (relay_addresses_ != grant.relays) {
    relay_addresses_ = grant.relays;
    probe_nat(now);
  }
  refresh_local(now);
  schedule();
}

void Connectivity::set_peers(const std::vector<ConnectivityPeer>& peers) {
  const auto now = monotonic_now();
  std::erase_if(links_, [&](const auto& entry) {
    const auto& link = *entry.second;
    if (std::ranges::find(peers, link.peer) != peers.end()) return false;
    const wireguard::Operation remove = wireguard::RemovePeer{link.peer.tunnel.public_key};
    check(tunnel_.apply({&remove, 1}), "remove a peer");
    if (link.blocked && filter_)
      check(filter_->unblock(link.blocked->relay, link.blocked->receiver_index), "lift the filter");
    replays_[entry.first] = link.replay;
    return true;
  });
  for (const auto& peer : peers) {
    if (links_.contains(peer.id)) continue;
    path::PeerPathConfig config{
        options_.self,      peer.id, options_.wireguard, peer.tunnel.public_key, {options_.prefix},
        filter_ != nullptr, {}};
    auto link = std::make_unique<Link>(Link{.peer = peer,
                                            .path = {std::move(config), random_},
                                            .replay = replays_[peer.id],
                                            .signals_sent = 0,
                                            .wireguard = {},
                                            .blocked = {},
                                            .fast_poll = false,
                                            .configured = false,
                                            .next_probe = now,
                                            .logged = path::PathKind::offline});
    // The passive side must know the peer before it can say so. The initiator adds it together with
    // an endpoint: a packet to a peer without one would start a handshake that goes nowhere, and
    // WireGuard waits 5 s before it starts another.
    if (!link->path.initiator()) configure(*link, std::nullopt);
    path::Actions actions;
    link->path.on_local(now, local_, actions);
    links_[peer.id] = std::move(link);
    run(peer.id, actions);
  }
  schedule();
}

void Connectivity::on_signal(const PeerId& from, ByteView sealed) {
  const auto found = links_.find(from);
  if (found == links_.end()) return;  // not a member (any more): nothing it says counts
  auto& link = *found->second;
  auto signal = path::open_signal(sealed, {options_.party, from, options_.self}, link.peer.identity,
                                  options_.box);
  if (!signal) {
    log_.warning("signal_refused",
                 {{"peer", from.to_string()}, {"detail", signal.error().message()}});
    return;
  }
  if (auto fresh = link.replay.accept(*signal); !fresh) return;  // overtaken by a newer one
  path::Actions actions;
  link.path.on_signal(monotonic_now(), *signal, actions);
  run(from, actions);
  schedule();
}

void Connectivity::on_link_back() {
  for (auto& [id, link] : links_)
    send_signal(*link);
}

void Connectivity::on_received(const Endpoint& from, ByteView payload) {
  const auto now = monotonic_now();
  if (!stun::looks_like_stun(payload)) {
    for (auto& [id, link] : links_) {
      path::Actions actions;
      link->path.on_handshake_packet(now, from, payload, actions);
      run(id, actions);
    }
    next_poll_ = std::min(next_poll_, now + 20ms);  // the handshake's result is worth a look soon
    schedule();
    return;
  }
  const auto message = stun::MessageView::parse(payload);
  if (!message) return;  // anybody can send anything to a port: not worth a line
  stun::Datagrams datagrams;
  if (relays_.on_datagram(now, from, *message, datagrams)) {
    send_all(datagrams);
    refresh_local(now);
  } else if (probe_ && probe_->on_datagram(now, from, *message, datagrams)) {
    send_all(datagrams);
    refresh_local(now);
  } else if (const auto source = path::check_source(*message)) {
    for (auto& [id, link] : links_) {
      if (!source->matches(id)) continue;
      path::Actions actions;
      link->path.on_check(now, from, *message, actions);
      run(id, actions);
    }
  } else {
    for (auto& [id, link] : links_) {
      path::Actions actions;
      const bool taken = link->path.on_check_response(now, from, *message, actions);
      run(id, actions);
      if (taken) break;
    }
  }
  schedule();
}

// ---- time

std::optional<Instant> Connectivity::next_timeout() const {
  Instant next = std::min({next_poll_, next_nat_probe_, next_refresh_});
  if (const auto due = relays_.next_timeout()) next = std::min(next, *due);
  if (probe_)
    if (const auto due = probe_->next_timeout()) next = std::min(next, *due);
  for (const auto& [id, link] : links_)
    if (const auto due = link->path.next_timeout()) next = std::min(next, *due);
  return next;
}

void Connectivity::schedule() {
  if (closed_) return;
  const auto due = next_timeout();
  timer_.expires_after(std::max<Duration>(*due - monotonic_now(), Duration(0)));
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled && !closed_) on_timer();
  });
}

void Connectivity::on_timer() {
  const auto keep_alive = shared_from_this();
  const auto now = monotonic_now();
  stun::Datagrams datagrams;
  relays_.on_timeout(now, datagrams);
  if (probe_) probe_->on_timeout(now, datagrams);
  send_all(datagrams);
  if (relays_.needs_token() && !token_wanted_ && callbacks_.want_relay_token) {
    token_wanted_ = true;
    callbacks_.want_relay_token();
  }
  if (now >= next_refresh_) {
    next_refresh_ = now + kRefreshEvery;
    refresh_local(now);
  }
  if (now >= next_nat_probe_) probe_nat(now);
  if (now >= next_poll_) poll_wireguard(now);
  for (auto& [id, link] : links_) {
    path::Actions actions;
    link->path.on_timeout(now, actions);
    run(id, actions);
  }
  probe_tunnels(now);
  schedule();
}

void Connectivity::poll_wireguard(Instant now) {
  const bool fast =
      std::ranges::any_of(links_, [](const auto& entry) { return entry.second->fast_poll; });
  next_poll_ = now + (fast ? kFastPoll : kSlowPoll);
  if (links_.empty()) return;
  auto status = tunnel_.status();
  if (!status) {
    check(std::unexpected(status.error()), "read the device");
    return;
  }
  const auto calendar = unix_now();
  for (auto& [id, link] : links_) {
    const auto found = status->peers.find(link->peer.tunnel.public_key);
    if (found == status->peers.end()) continue;
    const auto& peer = link->wireguard = found->second;
    path::WireguardView view{peer.endpoint, std::nullopt, peer.rx_bytes, peer.tx_bytes};
    if (peer.latest_handshake) view.latest_handshake = now - (calendar - *peer.latest_handshake);
    path::Actions actions;
    link->path.on_wireguard(now, view, actions);
    run(id, actions);
  }
}

// Echoes through the tunnel: the round trip that a game has, whatever the path.
void Connectivity::probe_tunnels(Instant now) {
  for (auto& [id, link] : links_) {
    if (now < link->next_probe) continue;
    const auto status = link->path.status(now);
    if (status.path != path::PathKind::direct && status.path != path::PathKind::relay) continue;
    link->next_probe = now + kEchoEvery;
    auto probe = [weak = weak_from_this(), peer = id,
                  vip = link->peer.vip]() -> asio::awaitable<void> {
      const auto self = weak.lock();
      if (!self) co_return;
      const auto rtt = co_await self->echo_->echo(vip, kEchoTimeout);
      const auto found = self->links_.find(peer);
      if (self->closed_ || found == self->links_.end()) co_return;
      path::Actions actions;
      found->second->path.on_tunnel_probe(monotonic_now(), rtt, actions);
      self->run(peer, actions);
      self->schedule();
    };
    asio::co_spawn(io_, std::move(probe), asio::detached);
  }
}

void Connectivity::probe_nat(Instant now) {
  const bool all_direct = std::ranges::all_of(links_, [&](const auto& entry) {
    return entry.second->path.status(now).path == path::PathKind::direct;
  });
  next_nat_probe_ = now + (all_direct ? kNatProbeIdle : kNatProbeEvery);
  stun::NatProbeConfig config;
  for (const auto& relay : relay_addresses_) {
    if (!relay.stun.empty())
      config.servers.push_back(
          {relay.stun[0], relay.stun.size() > 1 ? std::optional(relay.stun[1]) : std::nullopt});
    config.relays.insert(config.relays.end(), relay.endpoints.begin(), relay.endpoints.end());
  }
  if (config.servers.empty() && config.relays.empty()) return;
  for (const auto& address : local_addresses({tunnel_.interface_name()}))
    config.local.push_back({address, tunnel_.listen_port()});
  probe_.emplace(std::move(config), random_);
  stun::Datagrams datagrams;
  probe_->start(now, datagrams);
  send_all(datagrams);
}

std::vector<Endpoint> Connectivity::own_endpoints() const {
  std::vector<Endpoint> out;
  for (const auto& candidate : local_.candidates)
    out.push_back(candidate.endpoint);
  return out;
}

void Connectivity::refresh_local(Instant now) {
  path::LocalView view;
  view.ready = true;
  view.relays = relays_.bindings();
  const auto port = tunnel_.listen_port();
  for (const auto& address : local_addresses({tunnel_.interface_name()}))
    view.candidates.push_back({path::CandidateKind::host, {address, port}});
  if (probe_ && probe_->report().udp) {
    const bool changed = !(nat_ == probe_->report());
    nat_ = probe_->report();
    if (changed && callbacks_.on_nat) callbacks_.on_nat(nat_);
  }
  view.nat = nat_.type;
  std::vector<Endpoint> seen = relays_.observed();
  if (nat_.public_endpoint) seen.push_back(*nat_.public_endpoint);
  for (const auto& endpoint : seen)
    view.candidates.push_back({path::CandidateKind::server_reflexive, endpoint});
  // A server on our own machine or LAN sees a private address of ours, and can't tell the public
  // one. Both of us are then behind its public address, and most routers keep the port.
  const bool server_is_near = std::ranges::any_of(seen, [](const Endpoint& endpoint) {
    return endpoint.address.is_private() || endpoint.address.is_loopback();
  });
  for (const auto& relay : relay_addresses_)
    if (server_is_near && !relay.endpoints.empty() && !relay.endpoints[0].address.is_private() &&
        !relay.endpoints[0].address.is_loopback())
      view.candidates.push_back({path::CandidateKind::guessed, {relay.endpoints[0].address, port}});
  view.candidates = path::tidy(std::move(view.candidates), std::span(&options_.prefix, 1));
  if (view == local_) return;
  local_ = std::move(view);
  for (auto& [id, link] : links_) {
    path::Actions actions;
    link->path.on_local(now, local_, actions);
    run(id, actions);
  }
}

// ---- what the machines ask for

void Connectivity::run(const PeerId& id, path::Actions& actions) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  for (const auto& action : actions)
    run(*found->second, action);
}

void Connectivity::run(Link& link, const path::Action& action) {
  const auto& key = link.peer.tunnel.public_key;
  std::visit(Overloaded{
                 [&](const path::SendDatagram& datagram) {
                   send(datagram.to, datagram.bytes, datagram.ttl);
                 },
                 [&](const path::SetEndpoint& set) {
                   if (!link.configured) return configure(link, set.endpoint);
                   const wireguard::Operation update =
                       wireguard::UpdatePeer{key, {}, set.endpoint, {}, kKeepaliveSeconds};
                   check(tunnel_.apply({&update, 1}), "set an endpoint");
                   check(tunnel_.send_keepalive(key), "send a keepalive");
                 },
                 [&](const path::ReplacePeer& replace) { configure(link, replace.endpoint); },
                 [&](const path::SendKeepalive&) {
                   check(tunnel_.send_keepalive(key), "send a keepalive");
                 },
                 [&](const path::BlockRelayed& block) {
                   if (!filter_) return;
                   if (link.blocked)
                     check(filter_->unblock(link.blocked->relay, link.blocked->receiver_index),
                           "lift the filter");
                   link.blocked = block;
                   check(filter_->block_relayed(block.relay, block.receiver_index),
                         "filter a session");
                 },
                 [&](const path::UnblockRelayed&) {
                   if (!filter_ || !link.blocked) return;
                   check(filter_->unblock(link.blocked->relay, link.blocked->receiver_index),
                         "lift the filter");
                   link.blocked.reset();
                 },
                 [&](const path::SendSignal&) { send_signal(link); },
                 [&](const path::WantFastPoll& want) {
                   link.fast_poll = want.fast;
                   if (want.fast) next_poll_ = std::min(next_poll_, monotonic_now() + kFastPoll);
                 },
                 [&](const path::StateChanged&) { log_path(link, monotonic_now()); },
             },
             action);
}

// Adds the peer, in place of what WireGuard knew of it; with an endpoint it shakes hands at once.
void Connectivity::configure(Link& link, const std::optional<Endpoint>& endpoint) {
  auto peer = link.peer.tunnel;
  peer.endpoint = endpoint;
  if (endpoint) peer.keepalive_s = kKeepaliveSeconds;
  if (!link.configured) {
    const wireguard::Operation add = wireguard::AddPeer{std::move(peer)};
    check(tunnel_.apply({&add, 1}), "add a peer");
    link.configured = true;
  } else {
    check(tunnel_.replace_peer(peer), "replace a peer");
  }
}

void Connectivity::send_signal(Link& link) {
  if (!callbacks_.send_signal) return;
  auto signal = link.path.signal();
  signal.boot = boot_;
  signal.counter = ++link.signals_sent;
  auto sealed = path::seal_signal(random_, signal, {options_.party, options_.self, link.peer.id},
                                  options_.identity, link.peer.box);
  if (!sealed) {
    log_.warning("signal_not_sealed",
                 {{"peer", link.peer.id.to_string()}, {"detail", sealed.error().message()}});
    return;
  }
  callbacks_.send_signal(link.peer.id, std::move(*sealed));
}

void Connectivity::send(const Endpoint& to, ByteView bytes, std::optional<int> ttl) {
  // An unreachable candidate is nothing unusual: most of a peer's addresses are of other networks.
  const auto sent = port_->send(to, bytes, ttl);
  if (!sent)
    log_.debug("datagram_not_sent", {{"to", to.to_string()}, {"detail", sent.error().message()}});
}

void Connectivity::send_all(stun::Datagrams& datagrams) {
  for (const auto& datagram : datagrams)
    send(datagram.to, datagram.bytes, datagram.ttl);
  datagrams.clear();
}

void Connectivity::log_path(Link& link, Instant now) {
  const auto status = link.path.status(now);
  if (status.path == link.logged) return;
  link.logged = status.path;
  link.next_probe = now;  // a new path: its round trip is news
  log_.info("path", {{"peer", link.peer.id.to_string()},
                     {"path", std::string(path::name_of(status.path))},
                     {"endpoint", status.endpoint ? status.endpoint->to_string() : "-"},
                     {"why_relayed", status.why_relayed}});
}

std::optional<PeerReport> Connectivity::report(const PeerId& peer) const {
  const auto found = links_.find(peer);
  if (found == links_.end()) return std::nullopt;
  return PeerReport{found->second->path.status(monotonic_now()), found->second->wireguard};
}

void Connectivity::check(const Result<void>& done, std::string_view doing) {
  if (done) return;
  log_.error("tunnel", {{"doing", std::string(doing)}, {"detail", done.error().message()}});
  if (done.error().is(TunnelErrc::device_gone) && callbacks_.on_tunnel_lost)
    callbacks_.on_tunnel_lost(done.error());
}

}  // namespace lanrage::agent
