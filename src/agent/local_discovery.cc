#include "agent/local_discovery.hpp"

#include <algorithm>
#include <set>

#include "agent/local_addresses.hpp"
#include "io/route_lookup.hpp"

namespace lanrage::agent {
namespace {

bool is_near(const IpAddress& address) {
  return address.is_private() || address.is_loopback();
}

}  // namespace

std::vector<Endpoint> reachable_from(const std::vector<IpAddress>& own,
                                     const std::vector<Endpoint>& services) {
  std::vector<Endpoint> out;
  std::ranges::copy_if(services, std::back_inserter(out), [&](const Endpoint& service) {
    return std::ranges::any_of(
        own, [&](const IpAddress& address) { return address.is_v6() == service.address.is_v6(); });
  });
  return out;
}

void add_stun_server(const std::vector<Endpoint>& ports, stun::NatProbeConfig& config) {
  for (const bool v6 : {false, true}) {
    const auto of_family = [v6](const Endpoint& port) { return port.address.is_v6() == v6; };
    const auto first = std::ranges::find_if(ports, of_family);
    if (first == ports.end()) continue;
    stun::NatProbeConfig::Server server{*first, std::nullopt};
    const auto second = std::next(first);
    if (second != ports.end() && second->address == first->address) server.alternate = *second;
    config.servers.push_back(server);
  }
}

stun::NatProbeConfig nat_probe_config(const std::vector<protocol::Relay>& relays,
                                      const std::vector<IpAddress>& own, std::uint16_t port) {
  stun::NatProbeConfig config;
  for (const auto& relay : relays) {
    add_stun_server(reachable_from(own, relay.stun), config);
    for (const auto& endpoint : reachable_from(own, relay.endpoints))
      config.relays.push_back(endpoint);
  }
  for (const auto& address : own)
    config.local.push_back({address, port});
  return config;
}

bool LocalDiscovery::set_relays(const std::vector<protocol::Relay>& relays) {
  if (relays == relays_) return false;
  relays_ = relays;
  return true;
}

void LocalDiscovery::probe(Instant now, stun::Datagrams& out) {
  auto config = nat_probe_config(relays_, local_addresses({interface_}), port_);
  if (config.servers.empty() && config.relays.empty()) return;
  const auto source = io::RouteLookup().source_to_internet(false);
  filtering_.prepare(now, source ? std::optional(*source) : std::nullopt, config);
  probe_.emplace(std::move(config), random_);
  probe_->start(now, out);
  filtering_.on_sent(now, out);
  udp_.on_asked(now);
}

bool LocalDiscovery::on_datagram(Instant now, const Endpoint& from,
                                 const stun::MessageView& message, stun::Datagrams& out) {
  if (!probe_ || !probe_->on_datagram(now, from, message, out)) return false;
  if (probe_->report().udp) udp_.on_answer();
  filtering_.on_sent(now, out);
  fold();
  return true;
}

void LocalDiscovery::on_timeout(Instant now, stun::Datagrams& out) {
  udp_.on_timeout(now);
  if (!probe_) return;
  probe_->on_timeout(now, out);
  filtering_.on_sent(now, out);
  fold();
}

// A probe that heard nothing proves only that something was lost: what is known stays. One under
// way knows less than the one before it, so it counts only where nothing was known at all.
void LocalDiscovery::fold() {
  if (probe_->finished()) filtering_.on_finished(*probe_);
  const bool better = probe_->finished() || nat_.type == stun::NatType::unknown;
  if (probe_->report().udp && better) nat_ = probe_->report();
}

std::optional<Instant> LocalDiscovery::next_timeout() const {
  auto next = udp_.next_timeout();
  const auto due = probe_ ? probe_->next_timeout() : std::nullopt;
  if (due && (!next || *due < *next)) next = due;
  return next;
}

std::vector<Endpoint> LocalDiscovery::seen_outside(const RelayBinds& binds) const {
  auto out = binds.observed();
  if (nat_.public_endpoint) out.push_back(*nat_.public_endpoint);
  return out;
}

std::optional<Endpoint> LocalDiscovery::mapped_endpoint(const RelayBinds& binds) const {
  if (!mapping_) return std::nullopt;
  return reachable_at(*mapping_, seen_outside(binds));
}

path::LocalView LocalDiscovery::view(const RelayBinds& binds) const {
  path::LocalView out;
  out.ready = true;
  out.relays = binds.bindings();
  out.nat = nat_.type;
  for (const auto& address : local_addresses({interface_}))
    out.candidates.push_back({path::CandidateKind::host, {address, port_}});
  if (const auto mapped = mapped_endpoint(binds))
    out.candidates.push_back({path::CandidateKind::mapped, *mapped});
  const auto seen = seen_outside(binds);
  for (const auto& endpoint : seen)
    out.candidates.push_back({path::CandidateKind::server_reflexive, endpoint});
  // A server on our own machine or LAN sees a private address of ours, and can't tell the public
  // one. Both of us are then behind its public address, and most routers keep the port. Such a
  // server's relay names a private address too; one elsewhere doesn't.
  const bool server_is_near =
      std::ranges::any_of(seen, [](const Endpoint& endpoint) { return is_near(endpoint.address); });
  for (const auto& relay : relays_)
    if (server_is_near && !relay.endpoints.empty() && !is_near(relay.endpoints[0].address) &&
        std::ranges::any_of(relay.endpoints, is_near, &Endpoint::address))
      out.candidates.push_back({path::CandidateKind::guessed, {relay.endpoints[0].address, port_}});
  out.candidates = path::tidy(std::move(out.candidates), std::span(&prefix_, 1));
  out.silence = silence();
  return out;
}

std::optional<path::UdpSilence> LocalDiscovery::silence() const {
  const auto since = udp_.silent_since();
  if (!since) return std::nullopt;
  path::UdpSilence out{.asked = {},
                       .since = *since,
                       .worked_before = udp_.worked_before(),
                       .server_away = server_away_};
  for (const auto& relay : relays_) {
    out.asked.insert(out.asked.end(), relay.endpoints.begin(), relay.endpoints.end());
    out.asked.insert(out.asked.end(), relay.stun.begin(), relay.stun.end());
  }
  return out;
}

bool is_seen_elsewhere(const path::LocalView& before, const path::LocalView& now) {
  const auto seen = [](const path::LocalView& view) {
    std::set<IpAddress> out;
    for (const auto& candidate : view.candidates)
      if (candidate.kind == path::CandidateKind::server_reflexive)
        out.insert(candidate.endpoint.address);
    return out;
  };
  const auto old = seen(before);
  const auto present = seen(now);
  return !old.empty() && !present.empty() &&
         std::ranges::none_of(present, [&](const auto& address) { return old.contains(address); });
}

}  // namespace lanrage::agent
