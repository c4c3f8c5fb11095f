#include "agent/relay_binds.hpp"

#include <algorithm>

namespace lanrage::agent {

void RelayBinds::set_grant(Instant now, const protocol::RelayGrant& grant, stun::Datagrams& out) {
  std::vector<Bind> kept;
  for (const auto& relay :
       std::span(grant.relays).first(std::min(grant.relays.size(), kMaxRelays))) {
    const auto id = RelayId::parse(relay.id);
    if (!id) continue;
    const auto count = std::min(relay.endpoints.size(), kMaxAddresses);
    for (const auto& endpoint : std::span(relay.endpoints).first(count)) {
      const auto known = std::ranges::find_if(binds_, [&](const Bind& bind) {
        return bind.relay == relay.id && bind.client.target().endpoint == endpoint;
      });
      if (known != binds_.end()) {
        kept.push_back(std::move(*known));
        kept.back().client.set_token(now, grant.token);
        binds_.erase(known);
        continue;
      }
      kept.push_back(
          Bind{relay.id, relay::BindClient({*id, endpoint}, grant.token, bind_key_, random_)});
      kept.back().client.set_routes(now, all_routes(), out);
      kept.back().client.start(now, out);
    }
  }
  binds_ = std::move(kept);
}

void RelayBinds::set_routes(Instant now, const wireguard::Mac1Key& peer,
                            std::span<const std::uint32_t> indexes, stun::Datagrams& out) {
  if (indexes.empty())
    routes_.erase(peer);
  else
    routes_[peer].assign(indexes.begin(), indexes.end());
  const auto routes = all_routes();
  for (auto& bind : binds_)
    bind.client.set_routes(now, routes, out);
}

std::vector<relay::Route> RelayBinds::all_routes() const {
  std::vector<relay::Route> out;
  for (const auto& [peer, indexes] : routes_)
    for (const auto index : indexes)
      out.push_back({peer, index});
  return out;
}

void RelayBinds::restart(Instant now, stun::Datagrams& out) {
  for (auto& bind : binds_)
    bind.client.start(now, out);
}

bool RelayBinds::on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message,
                             stun::Datagrams& out) {
  return std::ranges::any_of(
      binds_, [&](Bind& bind) { return bind.client.on_datagram(now, from, message, out); });
}

void RelayBinds::on_timeout(Instant now, stun::Datagrams& out) {
  for (auto& bind : binds_)
    bind.client.on_timeout(now, out);
}

std::optional<Instant> RelayBinds::next_timeout() const {
  std::optional<Instant> next;
  for (const auto& bind : binds_)
    if (const auto due = bind.client.next_timeout(); due && (!next || *due < *next)) next = due;
  return next;
}

std::vector<path::RelayBinding> RelayBinds::bindings() const {
  std::vector<path::RelayBinding> out;
  for (const auto& bind : binds_) {
    if (!bind.client.bound() || bind.client.trouble() == relay::BindClient::Trouble::no_answer)
      continue;
    // A second address of the same relay adds nothing: the pair needs one way to it.
    if (!out.empty() && out.back().id == bind.relay) continue;
    out.push_back(
        {bind.relay, bind.client.target().endpoint, bind.client.rtt(), bind.client.generation()});
  }
  return out;
}

std::vector<Endpoint> RelayBinds::observed() const {
  std::vector<Endpoint> out;
  for (const auto& bind : binds_)
    if (bind.client.bound() && bind.client.observed()) out.push_back(*bind.client.observed());
  return out;
}

bool RelayBinds::needs_token() const {
  return std::ranges::any_of(binds_, [](const Bind& bind) {
    return bind.client.trouble() == relay::BindClient::Trouble::token_expired ||
           bind.client.trouble() == relay::BindClient::Trouble::refused;
  });
}

}  // namespace lanrage::agent
