#include "server/relay_directory.hpp"

#include "relay/token.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::server {

std::vector<Endpoint> RelayDirectory::reachable(const std::optional<Endpoint>& service,
                                                const IpAddress& reached) const {
  std::vector<Endpoint> out;
  if (!service) return out;
  if (public_address_) out.push_back({*public_address_, service->port});
  const Endpoint own{service->address.is_unspecified() ? reached : service->address, service->port};
  if (out.empty() || out.front() != own) out.push_back(own);
  return out;
}

std::vector<Endpoint> RelayDirectory::stun(const IpAddress& reached) const {
  const auto first = reachable(services_.stun, reached);
  const auto second = reachable(services_.stun_other_port, reached);
  std::vector<Endpoint> out;
  for (std::size_t i = 0; i < first.size(); ++i) {
    out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
  return out;
}

std::vector<protocol::Relay> RelayDirectory::relays(const IpAddress& reached) const {
  if (!services_.relay) return {};
  return {{services_.relay_id, services_.region, reachable(services_.relay, reached), stun(reached),
           0, 0}};
}

std::vector<AdminRelay> RelayDirectory::listed(UnixTime now) const {
  if (!services_.relay) return {};
  AdminRelay shown;
  shown.id = services_.relay_id;
  shown.region = services_.region;
  shown.endpoints = reachable(services_.relay, IpAddress{});
  shown.built_in = true;
  shown.last_seen = now;
  return {shown};
}

protocol::RelayGrant RelayDirectory::grant(const Client& client, UnixTime now) const {
  relay::Token token;
  token.group = client.group;
  token.mac1_key = wireguard::mac1_key(client.wireguard);
  token.bind_key = client.bind_key;
  token.expires = now + relay::kTokenLifetime;
  return {relay::issue(token, token_key_), token.expires, relays(client.reached)};
}

}  // namespace lanrage::server
