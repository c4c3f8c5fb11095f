#include "agent/connectivity.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "agent/clock.hpp"
#include "agent/mapping_question.hpp"
#include "path/check.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// How often WireGuard's counters are read: while a path asks for it, while one might get better,
// and when all are as good as they get.
constexpr Duration kFastPoll = 100ms;
constexpr Duration kRelayedPoll = 300ms;
constexpr Duration kSlowPoll = 1s;
constexpr Duration kNatProbeEvery = 25s;  // while some peer isn't reached directly
constexpr Duration kNatProbeIdle = 120s;
constexpr Duration kRefreshEvery = 10s;   // own addresses, should nobody tell that they changed
constexpr Duration kBindCheckEvery = 2s;  // while a tunnel is silent
// All agents of a server notice its end at once, and shall not ask the relays at once.
constexpr Duration kServerLostSpread = 1'500ms;
constexpr Duration kSuspicionEvery = 10s;  // at most, of relays that stay silent
constexpr Duration kEchoTimeout = 2s;
constexpr Duration kHandshakeLook = 20ms;  // after a handshake packet, its result is worth a look

}  // namespace

Connectivity::Connectivity(asio::io_context& io, Tunnel& tunnel, const Options& options,
                           Callbacks callbacks, io::Log& log)
    : io_(io),
      tunnel_(tunnel),
      callbacks_(std::move(callbacks)),
      log_(log),
      timer_(io),
      relays_(options.bind_key, random_),
      discovery_(tunnel.interface_name(), tunnel.listen_port(), options.prefix, random_),
      ports_(options.ports),
      around_{
          .party = options.party,
          .self = options.self,
          .identity = options.identity,
          .box = options.box,
          .wireguard = options.wireguard,
          .prefix = options.prefix,
          .boot = options.boot,
          .random = random_,
          .tunnel = tunnel,
          .filter = nullptr,
          .log = log,
          .send = [this](const Endpoint& to, ByteView bytes,
                         std::optional<int> ttl) { send(to, bytes, ttl); },
          .send_signal =
              [this](const PeerId& to, Bytes sealed) {
                if (callbacks_.send_signal) callbacks_.send_signal(to, std::move(sealed));
              },
          .set_routes =
              [this](const wireguard::Mac1Key& peer, std::span<const std::uint32_t> indexes) {
                stun::Datagrams datagrams;
                relays_.set_routes(monotonic_now(), peer, indexes, datagrams);
                send_all(datagrams);
              },
          .ask_mapping = [this](const PeerId& peer,
                                std::uint32_t number) { ask_mapping_for(peer, number); },
          .predict_ports = options.predict_ports,
          .failed = [this](const Error& error, std::string_view doing) { failed(error, doing); }} {}

Connectivity::~Connectivity() {
  close();
}

Result<std::shared_ptr<Connectivity>> Connectivity::open(asio::io_context& io, Tunnel& tunnel,
                                                         const Options& options,
                                                         Callbacks callbacks, io::Log& log) {
  std::shared_ptr<Connectivity> self(
      new Connectivity(io, tunnel, options, std::move(callbacks), log));
  auto echo = EchoSocket::open(io, tunnel.interface_name());
  if (!echo) return std::unexpected(echo.error());
  self->echo_ = std::move(*echo);
  auto filter = PacketFilter::open(tunnel.interface_name(), tunnel.listen_port());
  if (filter)
    self->filter_ = std::move(*filter);
  else
    log.warning("no_packet_filter",
                {{"interface", tunnel.interface_name()}, {"detail", filter.error().message()}});
  self->around_.filter = self->filter_.get();
  io::WireguardPort::Callbacks port_callbacks;
  port_callbacks.on_received = [raw = self.get()](const Endpoint& from, ByteView payload) {
    raw->on_received(from, payload);
  };
  port_callbacks.on_handshake_sent = [raw = self.get()](const Endpoint&, ByteView payload) {
    raw->on_handshake_sent(payload);
  };
  auto port =
      io::WireguardPort::open(io.get_executor(), tunnel.listen_port(), std::move(port_callbacks));
  if (!port) return std::unexpected(port.error());
  self->port_ = std::move(*port);
  const auto now = monotonic_now();
  self->next_poll_ = self->next_refresh_ = now;
  self->next_nat_probe_ = now + kNatProbeIdle;  // set_relays() brings it forward
  self->refresh_local(now);
  if (options.ports != nullptr)
    self->port_lease_ =
        options.ports->map(tunnel.listen_port(),
                           [raw = self.get()](const auto& mapping) { raw->on_mapping(mapping); });
  if (options.network != nullptr)
    self->network_ = options.network->subscribe(
        {.on_addresses = [raw = self.get()] { raw->refresh_local(monotonic_now()); },
         .on_moved =
             [raw = self.get()] {
               raw->on_link_change(monotonic_now());
               raw->schedule();
             }});
  self->schedule();
  return self;
}

void Connectivity::close() {
  if (closed_) return;
  closed_ = true;
  callbacks_ = {};
  timer_.cancel();
  port_lease_.reset();
  network_.reset();
  // An echo under way may keep this object a little longer than the tunnel lives.
  links_.clear();
  port_.reset();
  filter_.reset();
}

// ---- what others tell us

void Connectivity::set_relays(const protocol::RelayGrant& grant) {
  const auto now = monotonic_now();
  stun::Datagrams datagrams;
  relays_.set_grant(now, grant, datagrams);
  token_wanted_ = false;
  send_all(datagrams);
  if (discovery_.set_relays(grant.relays)) probe_nat(now);
  refresh_local(now);
  schedule();
}

void Connectivity::set_peers(const std::vector<ConnectivityPeer>& peers) {
  const auto now = monotonic_now();
  std::erase_if(links_, [&](const auto& entry) {
    const auto& link = *entry.second;
    if (std::ranges::any_of(peers, [&](const auto& peer) { return peer.same_as(link.peer()); }))
      return false;
    replays_[entry.first] = link.replay();
    return true;
  });
  for (const auto& peer : peers) {
    auto& link = links_[peer.id];
    if (link)
      link->set_tunnel(peer.tunnel);
    else
      link = std::make_unique<PeerLink>(now, peer, around_, local_, replays_[peer.id]);
  }
  schedule();
}

void Connectivity::on_signal(const PeerId& from, ByteView sealed) {
  const auto found = links_.find(from);
  if (found == links_.end()) return;  // not a member (any more): nothing it says counts
  const auto now = monotonic_now();
  const bool anew = found->second->on_signal(now, sealed);
  bind_where_needed(now);
  schedule();
  if (anew && callbacks_.on_restart) callbacks_.on_restart(from);
}

void Connectivity::on_link_back() {
  discovery_.set_server_away(false);
  refresh_local(monotonic_now());
  for (const auto& [id, link] : links_)
    link->send_signal();
}

void Connectivity::on_link_lost() {
  const auto now = monotonic_now();
  discovery_.set_server_away(true);
  for (const auto& [id, link] : links_)
    link->on_server_away();
  refresh_local(now);
  bind_check_due_ =
      now + Duration(static_cast<Duration::rep>(random_.below(kServerLostSpread.count())));
  schedule();
}

void Connectivity::on_received(const Endpoint& from, ByteView payload) {
  const auto now = monotonic_now();
  if (!stun::looks_like_stun(payload)) {
    for (const auto& [id, link] : links_)
      link->on_handshake_packet(now, from, payload);
    next_poll_ = std::min(next_poll_, now + kHandshakeLook);
  } else if (const auto message = stun::MessageView::parse(payload)) {
    on_stun(now, from, *message);
  }
  schedule();
}

void Connectivity::on_handshake_sent(ByteView payload) {
  const auto now = monotonic_now();
  for (const auto& [id, link] : links_)
    link->on_handshake_sent(now, payload);
  schedule();
}

void Connectivity::on_stun(Instant now, const Endpoint& from, const stun::MessageView& message) {
  stun::Datagrams datagrams;
  const bool by_relay = relays_.on_datagram(now, from, message, datagrams);
  if (by_relay) discovery_.on_relay_answer();
  if (by_relay || discovery_.on_datagram(now, from, message, datagrams)) {
    send_all(datagrams);
    refresh_local(now);
  } else if (const auto source = path::check_source(message)) {
    for (const auto& [id, link] : links_)
      if (source->matches(id)) link->on_check(now, from, message);
  } else {
    for (const auto& [id, link] : links_)
      if (link->on_check_response(now, from, message)) break;
  }
}

void Connectivity::ask_mapping_for(const PeerId& peer, std::uint32_t number) {
  const auto server = mapping_server(discovery_.relays());
  if (!server) return;
  ask_mapping(io_, *server, random_, [weak = weak_from_this(), peer, number](const Endpoint& seen) {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    const auto found = self->links_.find(peer);
    if (found == self->links_.end()) return;
    found->second->on_mapping_seen(monotonic_now(), number, seen);
    self->schedule();
  });
}

void Connectivity::on_mapping(const std::optional<PortMapping>& mapping) {
  discovery_.set_mapping(mapping);
  refresh_local(monotonic_now());
  schedule();
}

// ---- time

Instant Connectivity::next_timeout() const {
  Instant next = std::min({next_poll_, next_nat_probe_, next_refresh_});
  if (bind_check_due_) next = std::min(next, *bind_check_due_);
  if (const auto due = relays_.next_timeout()) next = std::min(next, *due);
  if (const auto due = discovery_.next_timeout()) next = std::min(next, *due);
  for (const auto& [id, link] : links_)
    if (const auto due = link->next_timeout()) next = std::min(next, *due);
  return next;
}

bool Connectivity::fast_poll() const {
  return std::ranges::any_of(links_,
                             [](const auto& entry) { return entry.second->wants_fast_poll(); });
}

bool Connectivity::all_direct(Instant now) const {
  return std::ranges::all_of(links_, [&](const auto& entry) {
    return entry.second->report(now).path.path == path::PathKind::direct;
  });
}

void Connectivity::schedule() {
  if (closed_) return;
  const auto now = monotonic_now();
  if (fast_poll()) next_poll_ = std::min(next_poll_, now + kFastPoll);
  timer_.expires_after(std::max<Duration>(next_timeout() - now, Duration(0)));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && !self->closed_) self->on_timer();
  });
}

void Connectivity::on_timer() {
  const auto now = monotonic_now();
  stun::Datagrams datagrams;
  relays_.on_timeout(now, datagrams);
  discovery_.on_timeout(now, datagrams);
  send_all(datagrams);
  if (relays_.needs_token() && !token_wanted_) {
    token_wanted_ = true;
    callbacks_.want_relay_token();
  }
  if (now >= next_refresh_) {
    next_refresh_ = now + kRefreshEvery;
    bind_where_needed(now);
    refresh_local(now);
  }
  if (now >= next_nat_probe_) probe_nat(now);
  if (relays_.silent(now)) suspect_udp(now);
  if (discovery_.silence() != local_.silence) refresh_local(now);
  if (bind_check_due_ && now >= *bind_check_due_) check_binds(now);
  if (now >= next_poll_) poll_wireguard(now);
  for (const auto& [id, link] : links_)
    link->on_timeout(now);
  probe_tunnels(now);
  schedule();
}

void Connectivity::poll_wireguard(Instant now) {
  next_poll_ = now + (fast_poll() ? kFastPoll : all_direct(now) ? kSlowPoll : kRelayedPoll);
  const auto status = tunnel_.status();
  if (!status) return failed(status.error(), "read the device");
  const auto calendar = unix_now();
  std::vector<PeerId> shook_hands;
  for (const auto& [id, link] : links_)
    if (link->on_wireguard(now, calendar, *status)) shook_hands.push_back(id);
  // Whoever hears of it may change the links.
  for (const auto& id : shook_hands)
    if (callbacks_.on_handshake) callbacks_.on_handshake(id);
  if (std::ranges::any_of(links_, [&](const auto& entry) { return entry.second->is_silent(now); }))
    check_binds(now);
}

// Echoes through the tunnel: the round trip that a game has, whatever the path.
void Connectivity::probe_tunnels(Instant now) {
  for (const auto& [id, link] : links_) {
    if (!link->take_probe(now)) continue;
    auto probe = [self = shared_from_this(), peer = id,
                  vip = link->peer().vip]() -> asio::awaitable<void> {
      const auto rtt = co_await self->echo_->echo(vip, kEchoTimeout);
      const auto found = self->links_.find(peer);
      if (self->closed_ || found == self->links_.end()) co_return;
      found->second->on_tunnel_probe(monotonic_now(), rtt);
      self->schedule();
    };
    asio::co_spawn(io_, std::move(probe), asio::detached);
  }
}

void Connectivity::probe_nat(Instant now) {
  next_nat_probe_ = now + (all_direct(now) ? kNatProbeIdle : kNatProbeEvery);
  stun::Datagrams datagrams;
  discovery_.probe(now, datagrams);
  send_all(datagrams);
}

void Connectivity::suspect_udp(Instant now) {
  if (discovery_.asking() || now < next_suspicion_) return;
  next_suspicion_ = now + kSuspicionEvery;
  probe_nat(now);
}

void Connectivity::bind_where_needed(Instant now) {
  std::vector<std::string> needed;
  for (const auto part : {&path::RelayNeeds::in_use, &path::RelayNeeds::nearest_to_peer})
    for (const auto& [id, link] : links_)
      if (auto relay = link->relay_needs().*part) needed.push_back(std::move(*relay));
  stun::Datagrams datagrams;
  relays_.set_needed(now, std::move(needed), datagrams);
  send_all(datagrams);
}

void Connectivity::refresh_local(Instant now) {
  if (discovery_.settled() && stun::is_news(published_, discovery_.nat()) && callbacks_.on_nat) {
    const auto before = std::exchange(published_, discovery_.nat()).public_endpoint;
    const auto& seen = published_.public_endpoint;
    // A router that has another address now may have forgotten what it forwards.
    if (ports_ != nullptr && before && seen && before->address != seen->address) ports_->ask_anew();
    callbacks_.on_nat(published_);
  }
  auto view = discovery_.view(relays_);
  if (view == local_) return;
  const bool moved_outside = is_seen_elsewhere(local_, view);
  local_ = std::move(view);
  for (const auto& [id, link] : links_)
    link->on_local(now, local_);
  // A router that restarted: it has forgotten our connections, too.
  if (moved_outside && callbacks_.on_moved) callbacks_.on_moved();
}

void Connectivity::on_link_change(Instant now) {
  log_.info("link_change", {{"interface", tunnel_.interface_name()}});
  poll_wireguard(now);
  stun::Datagrams datagrams;
  relays_.on_link_change(now, datagrams);
  discovery_.on_link_change();
  next_bind_check_ = now + kBindCheckEvery;
  send_all(datagrams);
  probe_nat(now);
  if (ports_ != nullptr) ports_->ask_anew();
  for (const auto& [id, link] : links_)
    link->on_link_change(now);
  if (callbacks_.on_moved) callbacks_.on_moved();
}

void Connectivity::check_binds(Instant now) {
  bind_check_due_.reset();
  if (now < next_bind_check_) return;
  next_bind_check_ = now + kBindCheckEvery;
  stun::Datagrams datagrams;
  relays_.restart(now, datagrams);
  send_all(datagrams);
}

// ---- out

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

void Connectivity::failed(const Error& error, std::string_view doing) {
  log_.error("tunnel", {{"doing", std::string(doing)}, {"detail", error.message()}});
  if (error.is(TunnelErrc::device_gone) && callbacks_.on_tunnel_lost)
    callbacks_.on_tunnel_lost(error);
}

std::optional<PeerReport> Connectivity::report(const PeerId& peer) const {
  const auto found = links_.find(peer);
  if (found == links_.end()) return std::nullopt;
  return found->second->report(monotonic_now());
}

std::optional<std::string> Connectivity::udp_note() const {
  const auto silence = discovery_.silence();
  return silence ? std::optional(path::sentence(*silence)) : std::nullopt;
}

std::vector<Endpoint> Connectivity::own_endpoints() const {
  std::vector<Endpoint> out;
  out.reserve(local_.candidates.size());
  for (const auto& candidate : local_.candidates)
    out.push_back(candidate.endpoint);
  return out;
}

}  // namespace lanrage::agent
