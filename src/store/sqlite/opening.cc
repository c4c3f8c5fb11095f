#include "store/sqlite/opening.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/backup.hpp"
#include "store/sqlite/files.hpp"
#include "store/sqlite/schema.hpp"

namespace lanrage::store {

namespace {

constexpr int kMostCopies = 9;  // FILE.before-2, FILE.before-2.1 to .9

// The file takes its name only when it is complete, so that an empty file by that name is always
// damage and never a fresh start.
Result<void> create_database(const SqliteOptions& options) {
  const std::string fresh = options.path + ".new";
  remove_database(fresh);
  if (auto made = create_private_file(fresh); !made) return made;
  {
    auto database = Database::open(fresh, options.vfs);
    if (!database) return std::unexpected(database.error());
    if (auto done = migrate(**database, 0); !done) return done;
  }
  return rename_to_new(fresh, options.path);
}

Result<void> create_if_absent(const SqliteOptions& options) {
  struct stat status{};
  if (::stat(options.path.c_str(), &status) == 0) {
    if (status.st_size != 0) return {};
    return fail(Errc::database_corrupt,
                options.path +
                    " is empty, so it lost its content. It was left as it is: restore a "
                    "backup in its place, or remove it to start empty");
  }
  if (errno == ENOENT) return create_database(options);
  return fail(Errc::storage_failed, "can't read " + options.path + ": " + std::strerror(errno));
}

// Durable at each commit; checkpoints are the Checkpointer's alone. What a refused write takes back
// is kept in memory.
Result<void> set_up(Database& database) {
  return database.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
      "PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;");
}

Result<std::unique_ptr<Database>> connect(const SqliteOptions& options) {
  auto database = Database::open(options.path, options.vfs);
  if (!database) return database;
  if (auto ready = set_up(**database); !ready) return std::unexpected(ready.error());
  return database;
}

// Returns where the copy is.
Result<std::string> copy_before_migration(Database& database, const SqliteOptions& options) {
  const std::atomic<bool> never = false;
  const std::string name = options.path + ".before-" + std::to_string(kNewestSchema);
  for (int i = 0; i <= kMostCopies; ++i) {
    std::string path = i == 0 ? name : name + "." + std::to_string(i);
    auto written = write_backup(database, options.vfs, path, never);
    if (written) return path;
    if (!written.error().is(Errc::file_exists)) return std::unexpected(written.error());
  }
  return fail(Errc::file_exists, name + " and " + std::to_string(kMostCopies) +
                                     " more copies from earlier updates exist: remove those that "
                                     "you don't need");
}

// Returns what to tell the operator.
Result<std::string> bring_up_to_date(Database& database, const SqliteOptions& options) {
  if (auto whole = check_whole(database, options.path); !whole)
    return std::unexpected(whole.error());
  const auto version = check_schema(database, options.path);
  if (!version) return std::unexpected(version.error());
  if (auto ready = set_up(database); !ready) return std::unexpected(ready.error());
  if (*version == kNewestSchema) return std::string();

  auto copy = *version == 0 ? Result<std::string>() : copy_before_migration(database, options);
  if (!copy) return copy;
  if (auto done = migrate(database, *version); !done) {
    if (!copy->empty()) remove_database(*copy);  // or each attempt would leave one
    return std::unexpected(done.error().with_context("can't bring the database up to schema " +
                                                     std::to_string(kNewestSchema)));
  }
  if (copy->empty()) return copy;
  return options.path + " was brought from schema " + std::to_string(*version) + " to " +
         std::to_string(kNewestSchema) + "; the database as it was is in " + *copy;
}

}  // namespace

Result<SqliteFile> open_file(const SqliteOptions& options) {
  auto lock = FileLock::take(options.path + ".lock");
  if (!lock) return std::unexpected(lock.error());
  if (auto there = create_if_absent(options); !there) return std::unexpected(there.error());

  auto writer = Database::open(options.path, options.vfs);
  if (!writer) return std::unexpected(writer.error());
  auto notice = bring_up_to_date(**writer, options);
  if (!notice) return std::unexpected(notice.error());
  const std::string writer_only =
      "PRAGMA cache_size = -" + std::to_string(options.cache_kib) +
      "; PRAGMA journal_size_limit = " + std::to_string(std::int64_t{options.wal.pages} * 4120);
  if (auto ready = (*writer)->execute(writer_only.c_str()); !ready)
    return std::unexpected(ready.error());
  (*writer)->watch_wal();

  auto reader = connect(options);
  if (!reader) return std::unexpected(reader.error());
  auto checkpointing = connect(options);
  if (!checkpointing) return std::unexpected(checkpointing.error());
  return SqliteFile{std::move(*lock), std::move(*writer), std::move(*reader),
                    std::move(*checkpointing), std::move(*notice)};
}

}  // namespace lanrage::store
