#include <cerrno>
#include <cstring>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/sqlite/database.hpp"
#include "store/sqlite/schema.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace lanrage::store {

namespace {

constexpr std::size_t kMostProblems = 20;

// A connection that only reads needs the log's index beside the file, as a server has it or makes
// it. Where that can't be made, a file without a log can be read as one that never changes.
Result<std::unique_ptr<Database>> open_to_read(const std::string& path) {
  auto database = Database::open(path, {}, Database::Access::read_only);
  if (!database || (*database)->execute("SELECT count(*) FROM sqlite_schema")) return database;
  const int reason = (*database)->last_error() & 0xff;
  if (reason != SQLITE_CANTOPEN && reason != SQLITE_READONLY) return database;
  struct stat log{};
  if (::stat((path + "-wal").c_str(), &log) != 0 && errno == ENOENT)
    return Database::open_immutable(path);
  return fail(Errc::storage_failed, path + " can't be read by this user while its log " + path +
                                        "-wal is there: check it as the server's user");
}

void add(StoreReport& report, std::string problem) {
  if (report.problems.size() < kMostProblems) report.problems.push_back(std::move(problem));
}

void check_integrity(Database& database, StoreReport& report) {
  auto row = database.prepare("PRAGMA integrity_check(20)");
  for (;;) {
    auto more = row.step();
    if (!more) return add(report, more.error().message());
    if (!*more) return;
    if (const std::string verdict = row.text(0); verdict != "ok") add(report, verdict);
  }
}

void check_foreign_keys(Database& database, StoreReport& report) {
  auto row = database.prepare("PRAGMA foreign_key_check");
  for (;;) {
    auto more = row.step();
    if (!more) return add(report, more.error().message());
    if (!*more) return;
    add(report, "a row of " + row.text(0) + " belongs to no row of " + row.text(2));
  }
}

std::uint64_t count_rows(Database& database, const char* sql, StoreReport& report) {
  auto row = database.prepare(sql);
  auto there = row.step();
  if (!there) add(report, there.error().message());
  return there && *there ? static_cast<std::uint64_t>(row.integer(0)) : 0;
}

// What a server finds out only when it starts: a party's events go on from its snapshot to its seq.
void check_journals(Database& database, StoreReport& report) {
  auto row = database.prepare(
      "SELECT p.party_id FROM parties p LEFT JOIN party_snapshots s ON s.party_id = p.party_id "
      "WHERE p.seq - coalesce(s.seq, 0) <> (SELECT count(*) FROM party_events e WHERE e.party_id = "
      "p.party_id AND e.seq > coalesce(s.seq, 0) AND e.seq <= p.seq) LIMIT 20");
  for (;;) {
    auto more = row.step();
    if (!more) return add(report, more.error().message());
    if (!*more) return;
    add(report, "the journal of party " + row.text(0) + " has gaps");
  }
}

}  // namespace

Result<StoreReport> check_sqlite_store(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return fail(Errc::storage_failed, "can't read " + path + ": " + std::strerror(errno));
  auto database = open_to_read(path);
  if (!database) return std::unexpected(database.error());
  Database& db = **database;
  // One view for everything, while a server may go on writing.
  if (auto begun = db.execute("BEGIN; SELECT count(*) FROM sqlite_schema"); !begun)
    return std::unexpected(begun.error());
  const auto version = check_schema(db, path);
  if (!version) return std::unexpected(version.error());

  StoreReport report;
  report.file = path;
  report.schema = *version;
  report.newest_schema = kNewestSchema;
  if (*version == 0) {
    add(report, "it is empty, so it lost its content");
    return report;
  }
  check_integrity(db, report);
  check_foreign_keys(db, report);
  report.parties = count_rows(db, "SELECT count(*) FROM parties", report);
  report.peers = count_rows(db, "SELECT count(*) FROM peers", report);
  report.events = count_rows(db, "SELECT count(*) FROM party_events", report);
  report.tokens = count_rows(db, "SELECT count(*) FROM auth_tokens", report);
  report.relays = count_rows(db, "SELECT count(*) FROM relay_servers", report);
  if (*version >= 2) {
    report.snapshots = count_rows(db, "SELECT count(*) FROM party_snapshots", report);
    check_journals(db, report);
  }
  return report;
}

}  // namespace lanrage::store
