#include "store/sqlite/sqlite_store.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file_lock.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/group_commit.hpp"
#include "store/sqlite/schema.hpp"

namespace lanrage::store {

namespace {

std::int64_t to_row(UnixTime time) {
  return time.time_since_epoch().count();
}
UnixTime from_row(std::int64_t ms) {
  return UnixTime(std::chrono::milliseconds(ms));
}

Error damaged(const std::string& what) {
  return Error(Errc::database_corrupt,
               "the database holds " + what +
                   ", which no version of lanrage-server writes: restore a backup in its place");
}

template <class IdType>
Result<IdType> id_column(const Statement& row, int column) {
  auto id = IdType::parse(row.text(column));
  if (!id) return std::unexpected(damaged("the id \"" + row.text(column) + "\""));
  return *id;
}

Result<ByteArray<32>> key_column(const Statement& row, int column) {
  const Bytes blob = row.blob(column);
  if (blob.size() != 32) return std::unexpected(damaged("a key of the wrong length"));
  ByteArray<32> key;
  std::copy(blob.begin(), blob.end(), key.begin());
  return key;
}

Result<IpAddress> address_column(const Statement& row, int column) {
  auto address = IpAddress::parse(row.text(column));
  if (!address) return std::unexpected(damaged("the address \"" + row.text(column) + "\""));
  return *address;
}

Result<void> write_party(Database& db, const Append& append) {
  const std::string id = append.party.id.to_string();
  const auto last = append.events.back();
  if (append.expected_seq == 0) {
    auto there = db.prepare("SELECT 1 FROM parties WHERE party_id = ?");
    auto row = there.bind(id).step();
    if (!row) return std::unexpected(row.error());
    if (*row) return fail(Errc::conflict, "the party exists already");
    return db
        .prepare(
            "INSERT INTO parties (party_id, name, host_id, seq, relay_group, created_at, "
            "updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(id)
        .bind(append.party.name)
        .bind(append.party.host.to_string())
        .bind(last.seq)
        .bind(append.party.relay_group)
        .bind(to_row(append.party.created_at))
        .bind(to_row(last.at))
        .run();
  }
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
  if (!updated) return updated;
  if (db.changes() == 0)
    return fail(Errc::conflict,
                "the party's seq is no longer " + std::to_string(append.expected_seq));
  return {};
}

Result<void> write_peers(Database& db, const std::string& party, const Append& append) {
  for (const PeerId& gone : append.gone) {
    auto removed = db.prepare("DELETE FROM peers WHERE party_id = ? AND peer_id = ?")
                       .bind(party)
                       .bind(gone.to_string())
                       .run();
    if (!removed) return removed;
  }
  for (const PeerRow& peer : append.changed) {
    auto written = db.prepare(
                         "INSERT INTO peers (party_id, peer_id, public_key, virtual_ip, nick, "
                         "public_endpoint, nat_type, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?, "
                         "?) ON CONFLICT (party_id, peer_id) DO UPDATE SET public_key = "
                         "excluded.public_key, virtual_ip = excluded.virtual_ip, nick = "
                         "excluded.nick, public_endpoint = excluded.public_endpoint, nat_type "
                         "= excluded.nat_type, last_seen = excluded.last_seen")
                       .bind(party)
                       .bind(peer.id.to_string())
                       .bind(ByteView(peer.wireguard_key))
                       .bind(peer.vip.to_string())
                       .bind(peer.nick)
                       .bind(peer.public_endpoint)
                       .bind(peer.nat_type)
                       .bind(to_row(peer.last_seen))
                       .run();
    if (!written) return written;
  }
  return {};
}

Result<void> write_append(Database& db, const Append& append) {
  const std::string party = append.party.id.to_string();
  if (auto written = write_party(db, append); !written) return written;
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

class SqliteStore final : public Store {
 public:
  SqliteStore(FileLock lock, std::unique_ptr<Database> reader, std::unique_ptr<Database> writer,
              Executor executor)
      : lock_(std::move(lock)),
        reader_(std::move(reader)),
        writer_(std::move(writer), std::move(executor)) {}

  void append(Append append, Completion done) override {
    writer_.submit([append = std::move(append)](Database& db) { return write_append(db, append); },
                   std::move(done));
  }

  void add_token(TokenRow token, Completion done) override {
    writer_.submit(
        [token](Database& db) -> Result<void> {
          auto written = db.prepare(
                               "INSERT INTO auth_tokens (token, nonce, peer_id, created_at, "
                               "expires_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
                             .bind(ByteView(token.token_hash))
                             .bind(ByteView(token.nonce_hash))
                             .bind(token.peer.to_string())
                             .bind(to_row(token.created_at))
                             .bind(to_row(token.expires_at))
                             .run();
          if (written && db.changes() == 0)
            return fail(Errc::nonce_used, "this challenge was answered before: ask for a new one");
          return written;
        },
        std::move(done));
  }

  void revoke_token(const ByteArray<32>& token_hash, UnixTime at, Completion done) override {
    writer_.submit(
        [token_hash, at](Database& db) {
          return db
              .prepare("UPDATE auth_tokens SET expires_at = min(expires_at, ?) WHERE token = ?")
              .bind(to_row(at))
              .bind(ByteView(token_hash))
              .run();
        },
        std::move(done));
  }

  void remove_tokens_expired_before(UnixTime limit, Completion done) override {
    writer_.submit(
        [limit](Database& db) {
          return db.prepare("DELETE FROM auth_tokens WHERE expires_at < ?")
              .bind(to_row(limit))
              .run();
        },
        std::move(done));
  }

  void touch(std::vector<Lease> leases, Completion done) override {
    writer_.submit(
        [leases = std::move(leases)](Database& db) -> Result<void> {
          for (const Lease& lease : leases) {
            auto written =
                db.prepare("UPDATE peers SET last_seen = ? WHERE party_id = ? AND peer_id = ?")
                    .bind(to_row(lease.last_seen))
                    .bind(lease.party.to_string())
                    .bind(lease.peer.to_string())
                    .run();
            if (!written) return written;
          }
          return {};
        },
        std::move(done));
  }

  void put_relay(RelayRow relay, Completion done) override {
    writer_.submit(
        [relay = std::move(relay)](Database& db) {
          return db
              .prepare(
                  "INSERT INTO relay_servers (relay_id, public_ip, port, region, "
                  "registered_at, last_seen) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (relay_id) "
                  "DO UPDATE SET public_ip = excluded.public_ip, port = excluded.port, "
                  "region = excluded.region, last_seen = excluded.last_seen")
              .bind(relay.id)
              .bind(relay.public_ip.to_string())
              .bind(static_cast<std::int64_t>(relay.port))
              .bind(relay.region)
              .bind(to_row(relay.registered_at))
              .bind(to_row(relay.last_seen))
              .run();
        },
        std::move(done));
  }

  Result<std::vector<StoredParty>> parties() override;
  Result<std::vector<EventRow>> events_since(const PartyId& party, std::uint64_t seq) override;
  Result<std::vector<TokenRow>> tokens() override;
  Result<std::vector<RelayRow>> relays() override;
  Result<Bytes> setting(std::string_view name, ByteView initial) override;

 private:
  Result<std::vector<PeerRow>> peers_of(const std::string& party);

  FileLock lock_;
  std::unique_ptr<Database> reader_;
  GroupCommit writer_;
};

Result<std::vector<PeerRow>> SqliteStore::peers_of(const std::string& party) {
  auto row = reader_->prepare(
      "SELECT peer_id, public_key, virtual_ip, nick, public_endpoint, "
      "nat_type, last_seen FROM peers WHERE party_id = ? ORDER BY peer_id");
  row.bind(party);
  std::vector<PeerRow> out;
  for (;;) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return out;
    auto id = id_column<PeerId>(row, 0);
    if (!id) return std::unexpected(id.error());
    auto key = key_column(row, 1);
    if (!key) return std::unexpected(key.error());
    auto vip = address_column(row, 2);
    if (!vip) return std::unexpected(vip.error());
    out.push_back(
        {*id, *key, *vip, row.text(3), row.text(4), row.text(5), from_row(row.integer(6))});
  }
}

Result<std::vector<StoredParty>> SqliteStore::parties() {
  auto row = reader_->prepare(
      "SELECT party_id, name, host_id, seq, relay_group, created_at FROM "
      "parties ORDER BY party_id");
  std::vector<StoredParty> out;
  for (;;) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return out;
    auto id = id_column<PartyId>(row, 0);
    if (!id) return std::unexpected(id.error());
    auto host = id_column<PeerId>(row, 2);
    if (!host) return std::unexpected(host.error());
    auto peers = peers_of(row.text(0));
    if (!peers) return std::unexpected(peers.error());
    out.push_back({{*id, row.text(1), *host, static_cast<std::uint64_t>(row.integer(4)),
                    from_row(row.integer(5))},
                   static_cast<std::uint64_t>(row.integer(3)),
                   std::move(*peers)});
  }
}

Result<std::vector<EventRow>> SqliteStore::events_since(const PartyId& party, std::uint64_t seq) {
  auto row = reader_->prepare(
      "SELECT seq, type, body, at FROM party_events WHERE party_id = ? AND "
      "seq > ? ORDER BY seq");
  row.bind(party.to_string()).bind(seq);
  std::vector<EventRow> out;
  for (;;) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return out;
    out.push_back({static_cast<std::uint64_t>(row.integer(0)), row.text(1), row.blob(2),
                   from_row(row.integer(3))});
  }
}

Result<std::vector<TokenRow>> SqliteStore::tokens() {
  auto row = reader_->prepare(
      "SELECT token, nonce, peer_id, created_at, expires_at FROM "
      "auth_tokens ORDER BY expires_at, token");
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

Result<std::vector<RelayRow>> SqliteStore::relays() {
  auto row = reader_->prepare(
      "SELECT relay_id, public_ip, port, region, registered_at, last_seen "
      "FROM relay_servers ORDER BY relay_id");
  std::vector<RelayRow> out;
  for (;;) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return out;
    auto address = address_column(row, 1);
    if (!address) return std::unexpected(address.error());
    out.push_back({row.text(0), *address, static_cast<std::uint16_t>(row.integer(2)), row.text(3),
                   from_row(row.integer(4)), from_row(row.integer(5))});
  }
}

Result<Bytes> SqliteStore::setting(std::string_view name, ByteView initial) {
  auto written =
      reader_->prepare("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
          .bind(name)
          .bind(initial)
          .run();
  if (!written) return std::unexpected(written.error());
  auto row = reader_->prepare("SELECT value FROM settings WHERE name = ?");
  auto found = row.bind(name).step();
  if (!found) return std::unexpected(found.error());
  return row.blob(0);
}

Result<void> sync_folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool ok = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (ok) return {};
  return fail(Errc::storage_failed, "can't sync " + folder + ": " + std::strerror(errno));
}

// The file takes its name only when it is complete, so that an empty file by that name is always
// damage and never a fresh start.
Result<void> create_database(const SqliteOptions& options) {
  const std::string fresh = options.path + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(Errc::storage_failed,
                "can't create " + fresh + ": " + std::strerror(errno) +
                    "; its folder must exist and belong to the server's user");
  ::close(fd);
  {
    auto database = Database::open(fresh, options.vfs, false);
    if (!database) return std::unexpected(database.error());
    if (auto done = bring_up_to_date(**database, fresh); !done) return done;
  }
  if (::rename(fresh.c_str(), options.path.c_str()) != 0)
    return fail(Errc::storage_failed, "can't rename " + fresh + ": " + std::strerror(errno));
  return sync_folder_of(options.path);
}

Result<std::unique_ptr<Database>> connect(const SqliteOptions& options) {
  auto database = Database::open(options.path, options.vfs, false);
  if (!database) return database;
  auto ready = (*database)->execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
  if (!ready) return std::unexpected(ready.error());
  return database;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options, Executor executor) {
  auto lock = FileLock::take(options.path + ".lock");
  if (!lock) return std::unexpected(lock.error());

  struct stat status{};
  if (::stat(options.path.c_str(), &status) != 0) {
    if (errno != ENOENT)
      return fail(Errc::storage_failed, "can't read " + options.path + ": " + std::strerror(errno));
    if (auto created = create_database(options); !created) return std::unexpected(created.error());
  } else if (status.st_size == 0) {
    return fail(Errc::database_corrupt,
                options.path +
                    " is empty, so it lost its content. It was left as it is: restore a "
                    "backup in its place, or remove it to start empty");
  }

  auto writer = connect(options);
  if (!writer) return std::unexpected(writer.error());
  if (auto ready = bring_up_to_date(**writer, options.path); !ready)
    return std::unexpected(ready.error());
  auto reader = connect(options);
  if (!reader) return std::unexpected(reader.error());
  return std::make_unique<SqliteStore>(std::move(*lock), std::move(*reader), std::move(*writer),
                                       std::move(executor));
}

}  // namespace lanrage::store
