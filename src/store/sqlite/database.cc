#include "store/sqlite/database.hpp"

#include <sqlite3.h>

namespace lanrage::store {

namespace {

std::string file_of(sqlite3* db) {
  const char* name = db ? sqlite3_db_filename(db, "main") : nullptr;
  return name && *name ? name : "database";
}

}  // namespace

Error database_error(sqlite3* db, int status) {
  const std::string file = file_of(db);
  const std::string reason = db ? sqlite3_errmsg(db) : sqlite3_errstr(status);
  switch (status & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(Errc::database_corrupt,
                   file + " is damaged (" + reason +
                       "). It was left as it is: restore a backup in its place, or move it away "
                       "to start empty (members then have to create their parties again)");
    case SQLITE_FULL:
      return Error(Errc::storage_failed, "no room left on the disk of " + file);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(Errc::storage_failed,
                   file + " is in use by another program (" + reason + "); close it");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return Error(Errc::storage_failed,
                   "can't open " + file + " for writing (" + reason +
                       "): its folder must exist and belong to the server's user");
    default:
      return Error(Errc::storage_failed, file + ": " + reason);
  }
}

Statement::~Statement() {
  if (!statement_) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(std::string_view text) {
  if (status_ == SQLITE_OK)
    status_ = sqlite3_bind_text(statement_, next_++, text.data(), static_cast<int>(text.size()),
                                SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind(ByteView blob) {
  if (status_ == SQLITE_OK)  // a null pointer would bind NULL instead of an empty blob
    status_ = sqlite3_bind_blob(statement_, next_++,
                                blob.empty() ? "" : reinterpret_cast<const char*>(blob.data()),
                                static_cast<int>(blob.size()), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind(std::int64_t value) {
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_int64(statement_, next_++, value);
  return *this;
}

Statement& Statement::bind(double value) {
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_double(statement_, next_++, value);
  return *this;
}

Result<bool> Statement::step() {
  if (status_ != SQLITE_OK) return std::unexpected(database_error(db_, status_));
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  return std::unexpected(database_error(db_, status));
}

Result<void> Statement::run() {
  auto row = step();
  if (!row) return std::unexpected(row.error());
  return {};
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return data
             ? std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
             : std::string();
}

Bytes Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return data ? Bytes(data, data + sqlite3_column_bytes(statement_, column)) : Bytes();
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const std::string& vfs,
                                                 Access access) {
  sqlite3* db = nullptr;
  // Each connection belongs to one thread at a time, hence no mutex.
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (access == Access::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  const int status = sqlite3_open_v2(path.c_str(), &db, flags, vfs.empty() ? nullptr : vfs.c_str());
  std::unique_ptr<Database> out(new Database(db));
  if (status != SQLITE_OK) return std::unexpected(database_error(db, status));
  sqlite3_busy_timeout(db, 5000);  // milliseconds; a backup tool may hold the file for a moment
  return out;
}

Result<std::unique_ptr<Database>> Database::open_immutable(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      uri += '%';
      uri += kHex[static_cast<unsigned char>(c) >> 4];
      uri += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      uri += c;
    }
  }
  uri += "?immutable=1";
  sqlite3* db = nullptr;
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  const int status = sqlite3_open_v2(uri.c_str(), &db, flags, nullptr);
  std::unique_ptr<Database> out(new Database(db));
  if (status != SQLITE_OK) return std::unexpected(database_error(db, status));
  return out;
}

Database::~Database() {
  for (auto& [sql, statement] : prepared_)
    sqlite3_finalize(statement);
  sqlite3_close(db_);
}

Result<void> Database::execute(const char* sql) {
  const int status = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return std::unexpected(database_error(db_, status));
  return {};
}

Statement Database::prepare(const char* sql) {
  auto found = prepared_.find(std::string_view(sql));
  if (found == prepared_.end()) {
    sqlite3_stmt* statement = nullptr;
    const int status =
        sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (status != SQLITE_OK) return Statement(db_, nullptr, status);
    found = prepared_.emplace(sql, statement).first;
  }
  return Statement(db_, found->second, SQLITE_OK);
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(db_) == 0;
}

int Database::changes() const {
  return sqlite3_changes(db_);
}

std::int64_t Database::total_changes() const {
  return sqlite3_total_changes64(db_);
}

void Database::watch_wal() {
  sqlite3_wal_hook(
      db_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

Result<int> Database::checkpoint() {
  int logged = 0;
  int moved = 0;
  const int status =
      sqlite3_wal_checkpoint_v2(db_, "main", SQLITE_CHECKPOINT_PASSIVE, &logged, &moved);
  // Somebody else's checkpoint is under way, or a commit was being announced at that moment.
  if (status == SQLITE_BUSY) return 0;
  if (status != SQLITE_OK) return std::unexpected(database_error(db_, status));
  return moved;
}

int Database::last_error() const {
  return sqlite3_extended_errcode(db_);
}

}  // namespace lanrage::store
