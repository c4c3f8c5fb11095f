#include "store/sqlite/sqlite_store.hpp"

#include <algorithm>
#include <span>

#include "store/file_lock.hpp"
#include "store/sqlite/backup.hpp"
#include "store/sqlite/group_commit.hpp"
#include "store/sqlite/opening.hpp"
#include "store/sqlite/reads.hpp"
#include "store/sqlite/writes.hpp"

namespace lanrage::store {

namespace {

// Leases a transaction takes: what a command waits behind is bounded.
constexpr std::size_t kLeasesAPiece = 256;

// The completion of what is written in pieces; called on the executor like theirs.
struct Pieces {
  std::size_t left;
  Completion done;
  Result<void> result;

  void finish_one(Result<void> piece) {
    if (!piece && result) result = std::move(piece);
    if (--left == 0) done(std::move(result));
  }
};

class SqliteStore final : public Store {
 public:
  SqliteStore(SqliteFile file, const SqliteOptions& options, const Executor& executor)
      : lock_(std::move(file.lock)),
        notice_(std::move(file.notice)),
        reader_(std::move(file.reader)),
        backups_(options.path, options.vfs, executor),
        writer_(std::move(file.writer), std::move(file.checkpointing), options.wal, executor) {}

  void append(Append append, Completion done) override {
    writer_.submit([append = std::move(append)](Database& db) { return write_append(db, append); },
                   std::move(done));
  }

  void put_snapshot(const PartyId& party, std::uint64_t seq, Bytes body,
                    std::uint64_t keep_events_after, Completion done) override {
    writer_.submit(
        [party, snapshot = SnapshotRow{seq, std::move(body)}, keep_events_after](Database& db) {
          return write_snapshot(db, party, snapshot, keep_events_after);
        },
        std::move(done));
  }

  void add_token(TokenRow token, Completion done) override {
    writer_.submit([token](Database& db) { return write_token(db, token); }, std::move(done));
  }

  void revoke_token(const ByteArray<32>& token_hash, UnixTime at, Completion done) override {
    writer_.submit(
        [token_hash, at](Database& db) { return store::revoke_token(db, token_hash, at); },
        std::move(done));
  }

  void remove_tokens_expired_before(UnixTime limit, Completion done) override {
    writer_.submit([limit](Database& db) { return store::remove_tokens_expired_before(db, limit); },
                   std::move(done));
  }

  void touch(std::vector<Lease> leases, Completion done) override;

  void put_relay(RelayRow relay, Completion done) override {
    writer_.submit([relay = std::move(relay)](Database& db) { return write_relay(db, relay); },
                   std::move(done));
  }

  void remove_relay(std::string id, Completion done) override {
    writer_.submit([id = std::move(id)](Database& db) { return store::remove_relay(db, id); },
                   std::move(done));
  }

  void backup(std::string path, Completion done) override {
    backups_.submit(std::move(path), std::move(done));
  }

  Result<void> for_each_party(const PartyVisitor& visit) override {
    return read_parties(*reader_, nullptr, visit);
  }

  Result<std::optional<StoredParty>> party(const PartyId& id) override {
    std::optional<StoredParty> out;
    auto read = read_parties(*reader_, &id, [&out](StoredParty party) -> Result<void> {
      out = std::move(party);
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return out;
  }

  Result<std::vector<EventRow>> events_since(const PartyId& party, std::uint64_t seq) override {
    return read_events(*reader_, party, seq);
  }
  Result<std::vector<TokenRow>> tokens() override { return read_tokens(*reader_); }
  Result<std::vector<RelayRow>> relays() override { return read_relays(*reader_); }
  Result<Bytes> setting(std::string_view name, ByteView initial) override {
    return read_or_write_setting(*reader_, name, initial);
  }

  // The lock keeps every other process out.
  void watch(std::function<void(const PartyId&)>) override {}

  StoreCounters counters() const override { return writer_.counters(); }
  std::string notice() const override { return notice_; }

 private:
  FileLock lock_;
  std::string notice_;
  std::unique_ptr<Database> reader_;
  BackupThread backups_;
  GroupCommit writer_;
};

void SqliteStore::touch(std::vector<Lease> leases, Completion done) {
  // In the order of the table, so that the peers of one party change the same page once.
  std::ranges::sort(leases, {}, &Lease::party);
  const std::size_t size = leases.size();
  const std::size_t pieces = std::max<std::size_t>(1, (size + kLeasesAPiece - 1) / kLeasesAPiece);
  auto all = std::make_shared<const std::vector<Lease>>(std::move(leases));
  auto state = std::make_shared<Pieces>(Pieces{pieces, std::move(done), {}});
  for (std::size_t i = 0; i < pieces; ++i) {
    const std::size_t first = i * kLeasesAPiece;
    writer_.submit_behind(
        [all, first, count = std::min(kLeasesAPiece, size - first)](Database& db) {
          return write_leases(db, std::span(*all).subspan(first, count));
        },
        [state](Result<void> piece) { state->finish_one(std::move(piece)); });
  }
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options, Executor executor) {
  auto file = open_file(options);
  if (!file) return std::unexpected(file.error());
  return std::make_unique<SqliteStore>(std::move(*file), options, executor);
}

}  // namespace lanrage::store
