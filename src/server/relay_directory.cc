#include "server/relay_directory.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "relay/token.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::server {
namespace {

// As good as random and the same for all members of a group (highest random weight): a relay that
// comes or goes leaves the others' order as it is.
std::uint64_t rank_of(std::uint64_t group, std::string_view relay) {
  std::uint64_t hash = group;
  for (const char c : relay)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x9e37'79b9'7f4a'7c15U;
  hash ^= hash >> 31;
  return hash * 0xbf58'476d'1ce4'e5b9U;
}

}  // namespace

std::vector<Endpoint> RelayDirectory::reachable(const std::optional<Endpoint>& service,
                                                const IpAddress& reached) const {
  std::vector<Endpoint> out;
  if (!service) return out;
  if (public_address_) out.push_back({*public_address_, service->port});
  const Endpoint own{service->address.is_unspecified() ? reached : service->address, service->port};
  if (out.empty() || out.front() != own) out.push_back(own);
  const bool both_families = service->address.is_v6() && service->address.is_unspecified();
  if (!both_families || !services_.own_addresses) return out;
  for (const auto& address : services_.own_addresses()) {
    const bool known = std::ranges::any_of(
        out, [&](const Endpoint& there) { return there.address.is_v4() == address.is_v4(); });
    if (!known) out.push_back({address, service->port});
  }
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

std::optional<protocol::Relay> RelayDirectory::own(const IpAddress& reached) const {
  if (!services_.relay) return std::nullopt;
  return protocol::Relay{
      services_.relay_id, services_.region,   reachable(services_.relay, reached),
      stun(reached),      services_.capacity, services_.clients ? services_.clients() : 0};
}

std::vector<protocol::Relay> RelayDirectory::relays(const IpAddress& reached) const {
  std::vector<protocol::Relay> out;
  out.reserve(size());
  for (const auto& [id, relay] : enrolled_.relays())
    out.push_back(relay.shown);
  std::ranges::sort(out, {}, [](const protocol::Relay& relay) {
    return std::tuple(std::string_view(relay.region), load_of(relay), std::string_view(relay.id));
  });
  if (auto first = own(reached)) out.insert(out.begin(), std::move(*first));
  return out;
}

std::vector<protocol::Relay> RelayDirectory::relays_of(std::string_view region,
                                                       const IpAddress& reached) const {
  auto out = relays(reached);
  std::erase_if(out, [&](const protocol::Relay& relay) { return relay.region != region; });
  return out;
}

std::vector<protocol::Relay> RelayDirectory::relays_for(std::uint64_t group,
                                                        const IpAddress& reached) const {
  struct Choice {
    bool loaded;
    std::size_t round;  // so many before it are of its region
    std::uint64_t rank;
    protocol::Relay relay;
  };
  std::vector<Choice> choices;
  choices.reserve(size());
  if (auto first = own(reached)) choices.push_back({first->loaded(), 0, 0, std::move(*first)});
  for (const auto& [id, relay] : enrolled_.relays())
    choices.push_back({relay.shown.loaded(), 0, rank_of(group, id), relay.shown});
  std::ranges::sort(choices, {}, [](const Choice& c) { return std::pair(c.loaded, c.rank); });
  std::map<std::pair<bool, std::string>, std::size_t> seen;
  for (auto& choice : choices)
    choice.round = seen[{choice.loaded, choice.relay.region}]++;
  std::ranges::sort(choices, {},
                    [](const Choice& c) { return std::tuple(c.loaded, c.round, c.rank); });
  std::vector<protocol::Relay> out;
  for (auto& choice : choices) {
    if (out.size() >= relays_a_grant_) break;
    out.push_back(std::move(choice.relay));
  }
  return out;
}

std::vector<AdminRelay> RelayDirectory::listed(UnixTime now) const {
  std::vector<AdminRelay> out;
  out.reserve(size());
  for (const auto& relay : relays(IpAddress{})) {
    const auto enrolled = enrolled_.relays().find(relay.id);
    AdminRelay shown;
    shown.id = relay.id;
    shown.region = relay.region;
    shown.endpoints = relay.endpoints;
    shown.load = load_of(relay);
    shown.built_in = enrolled == enrolled_.relays().end();
    shown.last_seen = shown.built_in ? now : enrolled->second.last_seen;
    out.push_back(std::move(shown));
  }
  return out;
}

protocol::RelayGrant RelayDirectory::grant(const Client& client, UnixTime now) const {
  relay::Token token;
  token.group = client.group;
  token.mac1_key = wireguard::mac1_key(client.wireguard);
  token.bind_key = client.bind_key;
  token.expires = now + relay::kTokenLifetime;
  return {relay::issue(token, token_key_), token.expires, relays_for(client.group, client.reached)};
}

}  // namespace lanrage::server
