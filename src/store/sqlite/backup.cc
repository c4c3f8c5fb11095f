#include "store/sqlite/backup.hpp"

#include <chrono>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/sqlite/files.hpp"
#include "store/sqlite/schema.hpp"

namespace lanrage::store {

namespace {

constexpr int kPagesAStep = 256;  // how soon a cancelled copy ends

Result<void> copy_pages(Database& source, Database& target, const std::atomic<bool>& cancelled) {
  sqlite3_backup* backup = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
  if (!backup) return std::unexpected(database_error(target.handle(), target.last_error()));
  int status = SQLITE_OK;
  while (status == SQLITE_OK && !cancelled)
    status = sqlite3_backup_step(backup, kPagesAStep);
  const int finished = sqlite3_backup_finish(backup);
  if (cancelled) return fail(Errc::storage_failed, "the server is stopping: no backup was written");
  if (finished != SQLITE_OK) return std::unexpected(database_error(target.handle(), finished));
  if (status != SQLITE_DONE) return std::unexpected(database_error(source.handle(), status));
  return {};
}

std::uint64_t now() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(
      ceil<milliseconds>(system_clock::now()).time_since_epoch().count());
}

// The copied header says WAL: as one closed file it needs no second one beside it.
Result<void> finish_copy(const std::string& path, const std::string& vfs) {
  auto target = Database::open(path, vfs);
  if (!target) return std::unexpected(target.error());
  auto renewed = (*target)->execute(
      "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
      "UPDATE settings SET value = randomblob(16) WHERE name = 'incarnation';");
  if (!renewed) return renewed;
  // The time comes after the pages: nothing in them is younger.
  if (auto dated = (*target)
                       ->prepare("INSERT INTO settings (name, value) VALUES (?, ?) "
                                 "ON CONFLICT (name) DO UPDATE SET value = excluded.value")
                       .bind(kBackedUpAt)
                       .bind(ByteWriter().u64(now()).bytes())
                       .run();
      !dated)
    return dated;
  return check_whole(**target, path);
}

Result<void> write_copy(Database& source, const std::string& vfs, const std::string& path,
                        const std::atomic<bool>& cancelled) {
  {
    auto target = Database::open(path, vfs);
    if (!target) return std::unexpected(target.error());
    // One read transaction for all steps: otherwise each commit elsewhere would start the copy
    // anew.
    if (auto begun = source.execute("BEGIN; SELECT count(*) FROM sqlite_schema;"); !begun)
      return begun;
    auto copied = copy_pages(source, **target, cancelled);
    (void)source.execute("COMMIT");
    if (!copied) return copied;
  }
  return finish_copy(path, vfs);
}

}  // namespace

Result<void> write_backup(Database& source, const std::string& vfs, const std::string& path,
                          const std::atomic<bool>& cancelled) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0)
    return fail(Errc::file_exists, path + " exists: remove it, or name another file");
  const std::string partial = path + ".partial";
  remove_database(partial);  // of a copy that was killed
  auto written = create_private_file(partial);
  if (written) written = write_copy(source, vfs, partial, cancelled);
  if (written) written = rename_to_new(partial, path);
  if (!written) remove_database(partial);
  return written;
}

BackupThread::BackupThread(std::string database, std::string vfs, Executor executor)
    : database_(std::move(database)),
      vfs_(std::move(vfs)),
      executor_(std::move(executor)),
      thread_([this] { run(); }) {}

BackupThread::~BackupThread() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    wake_.notify_one();
  }
  thread_.join();
}

void BackupThread::submit(std::string path, Completion done) {
  const std::lock_guard lock(mutex_);
  queue_.push_back({std::move(path), std::move(done)});
  wake_.notify_one();
}

void BackupThread::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    executor_([done = std::move(job.done), result = copy_to(job.path)]() mutable {
      done(std::move(result));
    });
  }
}

Result<void> BackupThread::copy_to(const std::string& path) {
  auto source = Database::open(database_, vfs_);
  if (!source) return std::unexpected(source.error());
  // A connection that goes may not be the one that checkpoints all the writer left.
  if (auto ready = (*source)->execute("PRAGMA wal_autocheckpoint = 0"); !ready) return ready;
  return write_backup(**source, vfs_, path, stopping_);
}

}  // namespace lanrage::store
