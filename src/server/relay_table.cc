#include "server/relay_table.hpp"

#include <algorithm>
#include <cmath>

#include "protocol/problem.hpp"
#include "relay/token.hpp"
#include "server/region.hpp"

namespace lanrage::server {
namespace {

using protocol::Errc;

constexpr std::uint64_t kMostClients = 1'000'000;
// Heartbeats that may be lost before another address may go on under the same id.
constexpr int kHeartbeatsMissed = 2;

std::string at(std::string_view field, std::size_t index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

Result<std::vector<Endpoint>> reachable(const std::vector<Endpoint>& given, const IpAddress& from,
                                        std::string_view field) {
  std::vector<Endpoint> out;
  out.reserve(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    Endpoint endpoint = given[i];
    if (endpoint.address.is_unspecified()) endpoint.address = from;
    if (endpoint.port == 0)
      return fail(Errc::invalid_field, "expected a port from 1 to 65535, got 0", at(field, i));
    const bool broadcast = endpoint.address.is_v4() && endpoint.address.v4_value() == 0xffff'ffffU;
    if (endpoint.address.is_multicast() || broadcast)
      return fail(Errc::invalid_field,
                  "expected the address of one machine, or 0.0.0.0 for the one that the request "
                  "comes from, got " +
                      endpoint.address.to_string(),
                  at(field, i));
    if (std::ranges::find(out, endpoint) == out.end()) out.push_back(endpoint);
  }
  return out;
}

Result<protocol::Relay> checked(const protocol::EnrollRelayRequest& request,
                                const IpAddress& from) {
  if (!RelayId::parse(request.relay_id))
    return fail(Errc::invalid_field, "expected 26 characters of a-z and 2-7 (16 random bytes)",
                "relay_id");
  if (!is_region(request.region))
    return fail(Errc::invalid_field, "expected 1 to 32 of a-z, 0-9 and -, for example \"eu\"",
                "region");
  if (request.endpoints.empty())
    return fail(Errc::invalid_field, "expected at least one address and port of the relay",
                "endpoints");
  if (request.capacity > kMostClients)
    return fail(Errc::invalid_field,
                "expected at most " + std::to_string(kMostClients) + " clients", "capacity");
  if (request.load > kMostClients)
    return fail(Errc::invalid_field,
                "expected at most " + std::to_string(kMostClients) + " clients", "load");
  auto endpoints = reachable(request.endpoints, from, "endpoints");
  if (!endpoints) return std::unexpected(endpoints.error());
  auto stun = reachable(request.stun, from, "stun");
  if (!stun) return std::unexpected(stun.error());
  return protocol::Relay{request.relay_id, request.region,   std::move(*endpoints),
                         std::move(*stun), request.capacity, request.load};
}

bool says_the_same(const protocol::Relay& a, const protocol::Relay& b) {
  return a.region == b.region && a.endpoints == b.endpoints && a.stun == b.stun &&
         a.capacity == b.capacity;
}

}  // namespace

double load_of(const protocol::Relay& relay) {
  if (relay.capacity == 0) return 0;
  return std::min(1.0, static_cast<double>(relay.load) / static_cast<double>(relay.capacity));
}

void RelayTable::restore(const std::vector<store::RelayRow>& rows, Instant now, UnixTime unix_now) {
  const Duration most =
      limits_.relay_silent - std::min(limits_.relay_silent, limits_.restart_grace);
  for (const auto& row : rows) {
    if (row.id == own_id_ || row.endpoints.empty()) continue;
    EnrolledRelay relay;
    const auto clients = std::llround(row.load * static_cast<double>(row.capacity));
    relay.shown = {row.id,   row.region,   row.endpoints,
                   row.stun, row.capacity, static_cast<std::uint64_t>(std::max(0LL, clients))};
    relay.registered_at = row.registered_at;
    relay.last_seen = row.last_seen;
    const Duration silent = std::max<Duration>(Duration(0), unix_now - row.last_seen);
    relay.heard = now - std::min(silent, most);
    relay.stored = now;
    relays_.insert_or_assign(row.id, std::move(relay));
  }
}

Result<RelayTable::Announced> RelayTable::announce(const protocol::EnrollRelayRequest& request,
                                                   const IpAddress& from, Instant now,
                                                   UnixTime unix_now) {
  auto shown = checked(request, from);
  if (!shown) return std::unexpected(shown.error());
  if (shown->id == own_id_)
    return fail(Errc::forbidden,
                "that is the id of this server's own relay: give yours an id of its own",
                "relay_id");
  EnrolledRelay* known = find(shown->id);
  if (!known && relays_.size() >= limits_.relays)
    return fail(Errc::limit_reached,
                "this server takes " + std::to_string(limits_.relays) +
                    " relays at most (limits.relays): remove one, or raise the limit");
  const bool is_new = known == nullptr;
  if (is_new) {
    known = &relays_[shown->id];
    known->registered_at = unix_now;
    known->from = from;
  }
  // A copied data directory makes two relays of one id, which would take each other's place in
  // turns.
  const bool moves = known->from != from && !known->from.is_unspecified();
  if (moves && now - known->heard <= kHeartbeatsMissed * limits_.heartbeat_interval)
    return fail(Errc::forbidden,
                "a relay at " + known->from.to_string() +
                    " uses this id: give each relay a data directory of its own (one that moved "
                    "is let in a minute later)",
                "relay_id");
  Announced out{*known, is_new, moves ? std::optional(known->from) : std::nullopt};
  if (is_new || !says_the_same(known->shown, *shown)) known->stored.reset();
  known->shown = std::move(*shown);
  known->from = from;
  known->last_seen = unix_now;
  known->heard = now;
  return out;
}

std::vector<std::string> RelayTable::expire(Instant now) {
  std::vector<std::string> gone;
  std::erase_if(relays_, [&](const auto& entry) {
    if (now - entry.second.heard < limits_.relay_silent) return false;
    gone.push_back(entry.first);
    return true;
  });
  return gone;
}

bool RelayTable::remove(std::string_view id) {
  const auto found = relays_.find(id);
  if (found == relays_.end()) return false;
  relays_.erase(found);
  return true;
}

EnrolledRelay* RelayTable::find(std::string_view id) {
  const auto found = relays_.find(id);
  return found == relays_.end() ? nullptr : &found->second;
}

}  // namespace lanrage::server
