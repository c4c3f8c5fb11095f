#include "store/sqlite/writes.hpp"

#include <algorithm>

#include "store/sqlite/columns.hpp"

namespace lanrage::store {

namespace {

Result<void> create_party(Database& db, const std::string& id, const Append& append,
                          const EventRow& last) {
  auto written = db.prepare(
                       "INSERT INTO parties (party_id, name, host_id, seq, relay_group, "
                       "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?) "
                       "ON CONFLICT (party_id) DO NOTHING")
                     .bind(id)
                     .bind(append.party.name)
                     .bind(append.party.host.to_string())
                     .bind(last.seq)
                     .bind(append.party.relay_group)
                     .bind(to_row(append.party.created_at))
                     .bind(to_row(last.at))
                     .run();
  if (written && db.changes() == 0) return fail(Errc::conflict, "the party exists already");
  return written;
}

Result<void> write_party(Database& db, const std::string& id, const Append& append) {
  const EventRow& last = append.events.back();
  if (append.expected_seq == 0) return create_party(db, id, append, last);
  auto updated = db.prepare(
                       "UPDATE parties SET name = ?, host_id = ?, seq = ?, updated_at = ? "
                       "WHERE party_id = ? AND seq = ?")
                     .bind(append.party.name)
                     .bind(append.party.host.to_string())
                     .bind(last.seq)
                     .bind(to_row(last.at))
                     .bind(id)
                     .bind(append.expected_seq)
                     .run();
  if (updated && db.changes() == 0)
    return fail(Errc::conflict,
                "the party's seq is no longer " + std::to_string(append.expected_seq));
  return updated;
}

// True when the peer was there with the same key and address. Naming these columns would rewrite
// their indexes even where nothing changes.
Result<bool> update_peer(Database& db, const std::string& party, const PeerRow& peer) {
  auto written = db.prepare(
                       "UPDATE peers SET nick = ?, public_endpoint = ?, nat_type = ?, last_seen = "
                       "? WHERE party_id = ? AND peer_id = ? AND public_key = ? AND virtual_ip = ?")
                     .bind(peer.nick)
                     .bind(peer.public_endpoint)
                     .bind(peer.nat_type)
                     .bind(to_row(peer.last_seen))
                     .bind(party)
                     .bind(peer.id.to_string())
                     .bind(ByteView(peer.wireguard_key))
                     .bind(peer.vip.to_string())
                     .run();
  if (!written) return std::unexpected(written.error());
  return db.changes() != 0;
}

Result<void> write_peer(Database& db, const std::string& party, const PeerRow& peer) {
  const auto updated = update_peer(db, party, peer);
  if (!updated) return std::unexpected(updated.error());
  if (*updated) return {};
  return db
      .prepare(
          "INSERT INTO peers (party_id, peer_id, public_key, virtual_ip, nick, public_endpoint, "
          "nat_type, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (party_id, peer_id) "
          "DO UPDATE SET public_key = excluded.public_key, virtual_ip = excluded.virtual_ip, nick "
          "= excluded.nick, public_endpoint = excluded.public_endpoint, nat_type = "
          "excluded.nat_type, last_seen = excluded.last_seen")
      .bind(party)
      .bind(peer.id.to_string())
      .bind(ByteView(peer.wireguard_key))
      .bind(peer.vip.to_string())
      .bind(peer.nick)
      .bind(peer.public_endpoint)
      .bind(peer.nat_type)
      .bind(to_row(peer.last_seen))
      .run();
}

Result<void> write_peers(Database& db, const std::string& party, const Append& append) {
  for (const PeerId& gone : append.gone) {
    auto removed = db.prepare("DELETE FROM peers WHERE party_id = ? AND peer_id = ?")
                       .bind(party)
                       .bind(gone.to_string())
                       .run();
    if (!removed) return removed;
  }
  for (const PeerRow& peer : append.changed)
    if (auto written = write_peer(db, party, peer); !written) return written;
  return {};
}

}  // namespace

Result<void> write_append(Database& db, const Append& append) {
  const std::string party = append.party.id.to_string();
  if (auto written = write_party(db, party, append); !written) return written;
  if (append.closes) return db.prepare("DELETE FROM parties WHERE party_id = ?").bind(party).run();
  for (const EventRow& event : append.events) {
    auto written = db.prepare(
                         "INSERT INTO party_events (party_id, seq, type, body, at) VALUES (?, "
                         "?, ?, ?, ?)")
                       .bind(party)
                       .bind(event.seq)
                       .bind(event.type)
                       .bind(ByteView(event.body))
                       .bind(to_row(event.at))
                       .run();
    if (!written) return written;
  }
  return write_peers(db, party, append);
}

Result<void> write_snapshot(Database& db, const PartyId& party, const SnapshotRow& snapshot,
                            std::uint64_t keep_events_after) {
  const std::string id = party.to_string();
  {
    auto now = db.prepare(
        "SELECT seq, (SELECT seq FROM party_snapshots s WHERE s.party_id = p.party_id) "
        "FROM parties p WHERE party_id = ?");
    auto there = now.bind(id).step();
    if (!there) return std::unexpected(there.error());
    if (!*there) return fail(Errc::not_found, "the party is gone");
    if (static_cast<std::uint64_t>(now.integer(0)) < snapshot.seq)
      return fail(Errc::conflict,
                  "the party isn't at seq " + std::to_string(snapshot.seq) + " yet");
    if (static_cast<std::uint64_t>(now.integer(1)) > snapshot.seq)
      return fail(Errc::conflict, "a newer snapshot of the party is there");
  }
  auto written = db.prepare(
                       "INSERT INTO party_snapshots (party_id, seq, body) VALUES (?, ?, ?) ON "
                       "CONFLICT (party_id) DO UPDATE SET seq = excluded.seq, body = excluded.body")
                     .bind(id)
                     .bind(snapshot.seq)
                     .bind(ByteView(snapshot.body))
                     .run();
  if (!written) return written;
  return db.prepare("DELETE FROM party_events WHERE party_id = ? AND seq <= ?")
      .bind(id)
      .bind(std::min(keep_events_after, snapshot.seq))
      .run();
}

Result<void> write_token(Database& db, const TokenRow& token) {
  auto written = db.prepare(
                       "INSERT INTO auth_tokens (token, nonce, peer_id, created_at, expires_at) "
                       "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
                     .bind(ByteView(token.token_hash))
                     .bind(ByteView(token.nonce_hash))
                     .bind(token.peer.to_string())
                     .bind(to_row(token.created_at))
                     .bind(to_row(token.expires_at))
                     .run();
  if (written && db.changes() == 0)
    return fail(Errc::nonce_used, "this challenge was answered before: ask for a new one");
  return written;
}

Result<void> revoke_token(Database& db, const ByteArray<32>& token_hash, UnixTime at) {
  return db.prepare("UPDATE auth_tokens SET expires_at = min(expires_at, ?) WHERE token = ?")
      .bind(to_row(at))
      .bind(ByteView(token_hash))
      .run();
}

Result<void> remove_tokens_expired_before(Database& db, UnixTime limit) {
  return db.prepare("DELETE FROM auth_tokens WHERE expires_at < ?").bind(to_row(limit)).run();
}

Result<void> write_leases(Database& db, std::span<const Lease> leases) {
  for (const Lease& lease : leases) {
    auto written = db.prepare(
                         "UPDATE peers SET last_seen = ?1 WHERE party_id = ?2 AND peer_id = ?3 "
                         "AND last_seen < ?1")
                       .bind(to_row(lease.last_seen))
                       .bind(lease.party.to_string())
                       .bind(lease.peer.to_string())
                       .run();
    if (!written) return written;
  }
  return {};
}

Result<void> write_relay(Database& db, const RelayRow& relay) {
  return db
      .prepare(
          "INSERT INTO relay_servers (relay_id, public_ip, port, region, registered_at, "
          "last_seen, capacity, load, endpoints, stun) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT (relay_id) DO UPDATE SET public_ip = excluded.public_ip, port = "
          "excluded.port, region = excluded.region, last_seen = excluded.last_seen, capacity = "
          "excluded.capacity, load = excluded.load, endpoints = excluded.endpoints, stun = "
          "excluded.stun")
      .bind(relay.id)
      .bind(relay.public_ip.to_string())
      .bind(static_cast<std::int64_t>(relay.port))
      .bind(relay.region)
      .bind(to_row(relay.registered_at))
      .bind(to_row(relay.last_seen))
      .bind(relay.capacity)
      .bind(relay.load)
      .bind(to_row(relay.endpoints))
      .bind(to_row(relay.stun))
      .run();
}

Result<void> remove_relay(Database& db, const std::string& id) {
  return db.prepare("DELETE FROM relay_servers WHERE relay_id = ?").bind(id).run();
}

}  // namespace lanrage::store
