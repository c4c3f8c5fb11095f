#include "server/party_rows.hpp"

#include <algorithm>

namespace lanrage::server {

namespace {

// The event's hints where it has them, else those known before.
party::Hints hints_after(const party::Party& before, const party::Event& event) {
  party::Hints hints = event.hints;
  if (const auto known = before.peers.find(event.subject); known != before.peers.end()) {
    if (!hints.nat_type) hints.nat_type = known->second.hints.nat_type;
    if (!hints.public_endpoint) hints.public_endpoint = known->second.hints.public_endpoint;
  }
  return hints;
}

store::PeerRow peer_row(const party::Member& member, const party::Hints& hints, UnixTime at) {
  store::PeerRow row;
  row.id = member.id;
  row.wireguard_key = member.wireguard.bytes;
  row.vip = member.vip;
  row.nick = member.nick;
  if (hints.public_endpoint) row.public_endpoint = hints.public_endpoint->to_string();
  if (hints.nat_type) row.nat_type = *hints.nat_type;
  row.last_seen = at;
  return row;
}

}  // namespace

Result<store::Append> rows_of(const party::Party& before, const std::vector<party::Event>& events,
                              std::uint64_t relay_group) {
  store::Append append;
  append.expected_seq = before.seq;
  party::Ledger ledger = before.ledger;
  for (const auto& event : events) {
    append.events.push_back(
        {event.seq, std::string(name_of(event.type)), party::encode_event(event), event.at});
    for (const auto& record : event.records)
      if (auto taken = ledger.append_trusted(record); !taken) return std::unexpected(taken.error());
    if (event.type == party::EventType::party_closed) append.closes = true;

    for (const auto& peer : event.removed) {
      std::erase_if(append.changed, [&](const auto& row) { return row.id == peer; });
      append.gone.push_back(peer);
    }
    std::erase_if(append.changed, [&](const auto& row) { return row.id == event.subject; });
    std::erase(append.gone, event.subject);
    if (const auto* member = ledger.member(event.subject))
      append.changed.push_back(peer_row(*member, hints_after(before, event), event.at));
    else
      append.gone.push_back(event.subject);
  }
  append.party.id = before.id();
  append.party.name = ledger.charter().name;
  append.party.host = ledger.host_id();
  append.party.relay_group = relay_group;
  append.party.created_at = before.seq == 0 ? events.front().at : before.created_at;
  return append;
}

}  // namespace lanrage::server
