#include "agent/connectivity.hpp"

#include <algorithm>
#include <utility>

#include "agent/clock.hpp"
#include "agent/mapping_question.hpp"
#include "lan/station.hpp"
#include "path/check.hpp"
#include "trust/tunnel_address.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// All agents of a server notice its end at once, and shall not ask the relays at once.
constexpr Duration kServerLostSpread = 1'500ms;
constexpr Duration kHandshakeLook = 20ms;  // after a handshake packet, its result is worth a look

// Of the virtual IPs, of the agents inside the tunnel, and of the LAN's IPv6.
std::vector<Prefix> own_prefixes(const Connectivity::Options& options) {
  const auto agent = trust::tunnel_address(options.party, options.wireguard);
  const auto station =
      lan::make_station(options.party, {.wireguard = options.wireguard, .vip = {}, .underlay = {}});
  return {options.prefix,
          {agent, trust::kTunnelPrefixLength},
          {station.address, lan::kLanPrefixLength}};
}

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
          .own_prefixes = own_prefixes(options),
          .boot = options.boot,
          .beside_segment = options.lan_interface == tunnel.interface_name(),
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
  if (auto opened = self->open_echo(options.lan_interface); !opened)
    return std::unexpected(opened.error());
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

Result<void> Connectivity::open_echo(const std::string& lan_interface) {
  auto by_tunnel = EchoSocket::open(io_, tunnel_.interface_name());
  if (!by_tunnel) return std::unexpected(by_tunnel.error());
  tunnel_echo_ = std::move(*by_tunnel);
  if (lan_interface == tunnel_.interface_name()) return {};
  auto by_lan = EchoSocket::open(io_, lan_interface);
  if (!by_lan) return std::unexpected(by_lan.error());
  lan_echo_ = std::move(*by_lan);
  return {};
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
      link->update(peer);
    else
      link = std::make_unique<PeerLink>(now, peer, around_, local_, replays_[peer.id]);
  }
  schedule();
}

void Connectivity::on_signal(const PeerId& from, ByteView sealed) {
  const auto found = links_.find(from);
  if (found == links_.end()) return;  // not a member (any more): nothing it says counts
  const auto now = monotonic_now();
  const auto news = found->second->on_signal(now, sealed);
  bind_where_needed(now);
  schedule();
  if (!news) return;
  if (callbacks_.on_place) callbacks_.on_place(from, news->beside_segment);
  if (news->begins_anew && callbacks_.on_restart) callbacks_.on_restart(from);
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
