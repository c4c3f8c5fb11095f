#include "store/sqlite/reads.hpp"

#include "store/sqlite/columns.hpp"

namespace lanrage::store {

namespace {

// One view of the tables for several statements.
class ReadTransaction {
 public:
  explicit ReadTransaction(Database& db) : db_(db), begun_(db.run("BEGIN")) {}
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;
  ~ReadTransaction() {
    if (begun_) (void)db_.run("COMMIT");
  }
  const Result<void>& begun() const { return begun_; }

 private:
  Database& db_;
  Result<void> begun_;
};

// The rows of a table in the order of their party's id (column 0), handed out party by party.
class RowsByParty {
 public:
  explicit RowsByParty(Statement& row) : row_(row) {}

  // Calls `take` for each row of `party`; parties must be asked for in order.
  template <class Take>
  Result<void> of(const std::string& party, Take take) {
    for (;;) {
      if (ended_) return {};  // another step would begin anew
      if (!on_row_) {
        auto more = row_.step();
        if (!more) return std::unexpected(more.error());
        ended_ = !*more;
        if (ended_) return {};
        on_row_ = true;
        party_ = row_.text(0);
      }
      if (party_ > party) return {};
      if (party_ < party) return std::unexpected(damaged("rows of the absent party " + party_));
      if (auto taken = take(row_); !taken) return taken;
      on_row_ = false;
    }
  }

 private:
  Statement& row_;
  std::string party_;
  bool on_row_ = false;
  bool ended_ = false;
};

Result<PeerRow> peer_of(const Statement& row) {
  auto id = id_column<PeerId>(row, 1);
  if (!id) return std::unexpected(id.error());
  auto key = key_column(row, 2);
  if (!key) return std::unexpected(key.error());
  auto vip = address_column(row, 3);
  if (!vip) return std::unexpected(vip.error());
  return PeerRow{*id, *key, *vip, row.text(4), row.text(5), row.text(6), from_row(row.integer(7))};
}

EventRow event_of(const Statement& row) {
  return {static_cast<std::uint64_t>(row.integer(1)), row.text(2), row.blob(3),
          from_row(row.integer(4))};
}

Result<StoredParty> party_of(const Statement& row) {
  auto id = id_column<PartyId>(row, 0);
  if (!id) return std::unexpected(id.error());
  auto host = id_column<PeerId>(row, 2);
  if (!host) return std::unexpected(host.error());
  StoredParty out{{*id, row.text(1), *host, static_cast<std::uint64_t>(row.integer(4)),
                   from_row(row.integer(5))},
                  static_cast<std::uint64_t>(row.integer(3)),
                  {},
                  {},
                  {}};
  if (!row.is_null(6))
    out.snapshot = SnapshotRow{static_cast<std::uint64_t>(row.integer(6)), row.blob(7)};
  return out;
}

Result<void> add_rows(StoredParty& party, const std::string& id, RowsByParty& peers,
                      RowsByParty& events) {
  auto taken = peers.of(id, [&](const Statement& row) -> Result<void> {
    auto peer = peer_of(row);
    if (!peer) return std::unexpected(peer.error());
    party.peers.push_back(std::move(*peer));
    return {};
  });
  if (!taken) return taken;
  const std::uint64_t after = party.snapshot ? party.snapshot->seq : 0;
  return events.of(id, [&](const Statement& row) -> Result<void> {
    if (static_cast<std::uint64_t>(row.integer(1)) > after) party.events.push_back(event_of(row));
    return {};
  });
}

}  // namespace

Result<void> read_parties(Database& db, const PartyId* only, const Store::PartyVisitor& visit) {
  const ReadTransaction transaction(db);
  if (!transaction.begun()) return transaction.begun();

  auto row = db.prepare(only ? "SELECT p.party_id, name, host_id, p.seq, relay_group, created_at, "
                               "s.seq, s.body FROM parties p LEFT JOIN party_snapshots s ON "
                               "s.party_id = p.party_id WHERE p.party_id = ?"
                             : "SELECT p.party_id, name, host_id, p.seq, relay_group, created_at, "
                               "s.seq, s.body FROM parties p LEFT JOIN party_snapshots s ON "
                               "s.party_id = p.party_id ORDER BY p.party_id");
  auto peer_row = db.prepare(only ? "SELECT party_id, peer_id, public_key, virtual_ip, nick, "
                                    "public_endpoint, nat_type, last_seen FROM peers WHERE "
                                    "party_id = ? ORDER BY peer_id"
                                  : "SELECT party_id, peer_id, public_key, virtual_ip, nick, "
                                    "public_endpoint, nat_type, last_seen FROM peers ORDER BY "
                                    "party_id, peer_id");
  auto event_row = db.prepare(only ? "SELECT party_id, seq, type, body, at FROM party_events WHERE "
                                     "party_id = ? ORDER BY seq"
                                   : "SELECT party_id, seq, type, body, at FROM party_events "
                                     "ORDER BY party_id, seq");
  if (only)
    for (Statement* statement : {&row, &peer_row, &event_row})
      statement->bind(only->to_string());

  RowsByParty peers(peer_row);
  RowsByParty events(event_row);
  for (;;) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    auto party = party_of(row);
    if (!party) return std::unexpected(party.error());
    if (auto added = add_rows(*party, row.text(0), peers, events); !added) return added;
    if (auto visited = visit(std::move(*party)); !visited) return visited;
  }
}

Result<std::vector<EventRow>> read_events(Database& db, const PartyId& party, std::uint64_t since) {
  auto row = db.prepare(
      "SELECT party_id, seq, type, body, at FROM party_events WHERE party_id = ? AND seq > ? "
      "ORDER BY seq");
  row.bind(party.to_string()).bind(since);
  std::vector<EventRow> out;
  for (;;) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return out;
    out.push_back(event_of(row));
  }
}

Result<std::vector<TokenRow>> read_tokens(Database& db) {
  auto row = db.prepare(
      "SELECT token, nonce, peer_id, created_at, expires_at FROM auth_tokens ORDER BY expires_at, "
      "token");
  std::vector<TokenRow> out;
  for (;;) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return out;
    auto token = key_column(row, 0);
    if (!token) return std::unexpected(token.error());
    auto nonce = key_column(row, 1);
    if (!nonce) return std::unexpected(nonce.error());
    auto peer = id_column<PeerId>(row, 2);
    if (!peer) return std::unexpected(peer.error());
    out.push_back({*token, *nonce, *peer, from_row(row.integer(3)), from_row(row.integer(4))});
  }
}

Result<std::vector<RelayRow>> read_relays(Database& db) {
  auto row = db.prepare(
      "SELECT relay_id, public_ip, port, region, registered_at, last_seen, capacity, load, "
      "endpoints, stun FROM relay_servers ORDER BY relay_id");
  std::vector<RelayRow> out;
  for (;;) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return out;
    auto address = address_column(row, 1);
    if (!address) return std::unexpected(address.error());
    auto endpoints = endpoints_column(row, 8);
    if (!endpoints) return std::unexpected(endpoints.error());
    auto stun = endpoints_column(row, 9);
    if (!stun) return std::unexpected(stun.error());
    out.push_back({row.text(0), *address, static_cast<std::uint16_t>(row.integer(2)), row.text(3),
                   from_row(row.integer(4)), from_row(row.integer(5)),
                   static_cast<std::uint64_t>(row.integer(6)), row.real(7), std::move(*endpoints),
                   std::move(*stun)});
  }
}

Result<Bytes> read_or_write_setting(Database& db, std::string_view name, ByteView initial) {
  for (const bool written : {false, true}) {
    {
      auto row = db.prepare("SELECT value FROM settings WHERE name = ?");
      auto found = row.bind(name).step();
      if (!found) return std::unexpected(found.error());
      if (*found) return row.blob(0);
    }
    if (written) break;
    auto inserted =
        db.prepare("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(initial)
            .run();
    if (!inserted) return std::unexpected(inserted.error());
  }
  return fail(Errc::storage_failed, "the setting " + std::string(name) + " didn't stay");
}

}  // namespace lanrage::store
