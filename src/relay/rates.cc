#include "relay/rates.hpp"

namespace lanrage::relay {

Rates::Rates(const Limits& limits, Threads threads)
    : threads_(threads),
      client_{PacerRate(limits.client_bytes), PacerRate(limits.client_packets),
              PacerRate(limits.initiations_a_client)},
      address_{PacerRate(limits.address_bytes), PacerRate(limits.address_packets),
               PacerRate(limits.initiations_an_address)},
      group_{PacerRate(limits.group_bytes), PacerRate(limits.group_packets),
             PacerRate(limits.initiations_a_group)} {}

bool Rates::charge_ahead(Instant now, Client& client, const Traffic& traffic) const {
  TrafficPacer own = client.traffic;
  TrafficBudget& address = client.address_pools->traffic;
  TrafficBudget& group = client.group_pools->traffic;
  // Nearly always there is enough of everything.
  const bool enough = own.bytes.take(now, traffic.bytes, client_.bytes) &&
                      own.packets.take(now, traffic.packets, client_.packets) &&
                      address.bytes.has_beyond_shares(now, traffic.bytes, address_.bytes) &&
                      address.packets.has_beyond_shares(now, traffic.packets, address_.packets) &&
                      group.bytes.has_beyond_shares(now, traffic.bytes, group_.bytes) &&
                      group.packets.has_beyond_shares(now, traffic.packets, group_.packets);
  if (!enough) return false;
  client.traffic = own;
  address.bytes.charge_beyond_shares(now, traffic.bytes, address_.bytes, threads_);
  address.packets.charge_beyond_shares(now, traffic.packets, address_.packets, threads_);
  group.bytes.charge_beyond_shares(now, traffic.bytes, group_.bytes, threads_);
  group.packets.charge_beyond_shares(now, traffic.packets, group_.packets, threads_);
  return true;
}

std::optional<DropReason> Rates::charge(Instant now, Client& client, std::size_t bytes) const {
  if (charge_ahead(now, client, {bytes, 1})) return std::nullopt;

  // One has run out, of what isn't a share at least.
  TrafficPacer& own = client.traffic;
  if (!own.bytes.has(now, bytes, client_.bytes)) return DropReason::client_rate;
  if (!own.packets.has(now, 1, client_.packets)) return DropReason::client_packet_rate;
  TrafficBudget& address = client.address_pools->traffic;
  TrafficPacer& of_address = client.of_address.traffic;
  const std::uint32_t there = client.address_budget->clients;
  if (!address.bytes.has(now, bytes, of_address.bytes, there, address_.bytes))
    return DropReason::address_rate;
  if (!address.packets.has(now, 1, of_address.packets, there, address_.packets))
    return DropReason::address_packet_rate;
  TrafficBudget& group = client.group_pools->traffic;
  TrafficPacer& of_group = client.of_group.traffic;
  const std::uint32_t members = client.group->budget.clients;
  if (!group.bytes.has(now, bytes, of_group.bytes, members, group_.bytes))
    return DropReason::group_rate;
  if (!group.packets.has(now, 1, of_group.packets, members, group_.packets))
    return DropReason::group_packet_rate;

  own.bytes.charge(now, bytes, client_.bytes);
  own.packets.charge(now, 1, client_.packets);
  address.bytes.charge(now, bytes, of_address.bytes, there, address_.bytes, threads_);
  address.packets.charge(now, 1, of_address.packets, there, address_.packets, threads_);
  group.bytes.charge(now, bytes, of_group.bytes, members, group_.bytes, threads_);
  group.packets.charge(now, 1, of_group.packets, members, group_.packets, threads_);
  return std::nullopt;
}

std::optional<DropReason> Rates::charge_initiation(Instant now, Client& client) const {
  SharedPacer& address = client.address_pools->initiations;
  SharedPacer& group = client.group_pools->initiations;
  const std::uint32_t there = client.address_budget->clients;
  const std::uint32_t members = client.group->budget.clients;
  Pacer& of_address = client.of_address.initiations;
  Pacer& of_group = client.of_group.initiations;

  if (!client.initiations.has(now, 1, client_.initiations)) return DropReason::initiation_rate;
  if (!address.has(now, 1, of_address, there, address_.initiations))
    return DropReason::address_initiation_rate;
  if (!group.has(now, 1, of_group, members, group_.initiations))
    return DropReason::group_initiation_rate;

  client.initiations.charge(now, 1, client_.initiations);
  address.charge(now, 1, of_address, there, address_.initiations, threads_);
  group.charge(now, 1, of_group, members, group_.initiations, threads_);
  return std::nullopt;
}

}  // namespace lanrage::relay
