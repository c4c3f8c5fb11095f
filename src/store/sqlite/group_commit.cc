#include "store/sqlite/group_commit.hpp"

#include <algorithm>
#include <sqlite3.h>

#include "store/sqlite/schema.hpp"

namespace lanrage::store {

namespace {

// A page in the log has a header of 24 bytes before it, the log one of 32 (SQLite file format,
// 4.1). The page size is SQLite's default.
constexpr std::uint64_t kWalFrame = 4096 + 24;
constexpr std::uint64_t kWalHeader = 32;

// After these codes of a COMMIT its last page, which makes it one, isn't in the log: SQLite found
// no room for it, or never came to write it.
bool wrote_nothing(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_FULL || primary == SQLITE_BUSY || primary == SQLITE_READONLY;
}

}  // namespace

GroupCommit::GroupCommit(std::unique_ptr<Database> database,
                         std::unique_ptr<Database> checkpointing, const WalLimits& limits,
                         Executor executor)
    : database_(std::move(database)),
      checkpointer_(std::move(checkpointing), limits),
      executor_(std::move(executor)),
      thread_([this] { run(); }) {}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void GroupCommit::submit(Work work, Completion done) {
  add(queue_, std::move(work), std::move(done));
}

void GroupCommit::submit_behind(Work work, Completion done) {
  add(behind_, std::move(work), std::move(done));
}

void GroupCommit::add(std::deque<Job>& queue, Work work, Completion done) {
  {
    const std::lock_guard lock(mutex_);
    queue.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
}

std::vector<GroupCommit::Job> GroupCommit::next_group() {
  std::vector<Job> group;
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty() || !behind_.empty(); });
  const std::size_t spare = behind_.empty() ? 0 : 1;
  const std::size_t size = std::min(queue_.size(), kLargestGroup - spare);
  group.reserve(size + spare);
  for (std::size_t i = 0; i < size; ++i) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (spare != 0) {
    group.push_back(std::move(behind_.front()));
    behind_.pop_front();
  }
  return group;
}

void GroupCommit::run() {
  for (;;) {
    std::vector<Job> group = next_group();
    if (group.empty()) return;
    commit(std::move(group));
  }
}

void GroupCommit::commit(std::vector<Job> group) {
  Results results;
  const auto committed = write(group, results);
  if (!committed) results.assign(group.size(), committed);
  count(group.size(), committed);
  if (!committed) checkpointer_.after_failure(*database_);
  executor_([group = std::move(group), results = std::move(results)]() mutable {
    for (std::size_t i = 0; i < group.size(); ++i)
      group[i].done(std::move(results[i]));
  });
  if (committed) checkpointer_.after_commit(*database_);
}

Result<void> GroupCommit::write(std::vector<Job>& group, Results& results) {
  // Savepoints cost a copy of every page that changes, and are needed only when work fails after it
  // has written something: then the group is done again, with them.
  auto done = attempt(group, results, Undo::whole_group);
  if (done && *done == Attempt::must_undo_one) done = attempt(group, results, Undo::single);
  if (!done) return std::unexpected(done.error());

  auto committed = database_->run("COMMIT");
  if (committed) return {};
  const int code = database_->last_error();
  if (database_->in_transaction()) (void)database_->run("ROLLBACK");
  if (wrote_nothing(code)) return committed;
  return bury(committed.error());
}

// With an error, and with must_undo_one, no transaction is left.
Result<GroupCommit::Attempt> GroupCommit::attempt(std::vector<Job>& group, Results& results,
                                                  Undo undo) {
  results.clear();
  results.reserve(group.size());
  if (auto begun = database_->run("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
  for (Job& job : group) {
    const auto written =
        undo == Undo::single ? write_undoably(job, results) : write_plainly(job, results);
    if (written && *written == Attempt::complete) continue;
    if (database_->in_transaction()) (void)database_->run("ROLLBACK");
    return written;
  }
  return Attempt::complete;
}

Result<GroupCommit::Attempt> GroupCommit::write_plainly(Job& job, Results& results) {
  const auto before = database_->total_changes();
  auto result = job.work(*database_);
  if (auto lost = transaction_lost(result)) return std::unexpected(*std::move(lost));
  if (!result && database_->total_changes() != before) return Attempt::must_undo_one;
  results.push_back(std::move(result));
  return Attempt::complete;
}

Result<GroupCommit::Attempt> GroupCommit::write_undoably(Job& job, Results& results) {
  if (auto begun = database_->run("SAVEPOINT job"); !begun) return std::unexpected(begun.error());
  auto result = job.work(*database_);
  if (auto lost = transaction_lost(result)) return std::unexpected(*std::move(lost));
  if (!result) {
    if (auto undone = database_->run("ROLLBACK TO job"); !undone)
      return std::unexpected(undone.error());
  }
  if (auto closed = database_->run("RELEASE job"); !closed) return std::unexpected(closed.error());
  results.push_back(std::move(result));
  return Attempt::complete;
}

// After a full disk or an I/O error SQLite may have rolled back the whole transaction.
std::optional<Error> GroupCommit::transaction_lost(const Result<void>& result) const {
  if (database_->in_transaction()) return std::nullopt;
  return result ? Error(Errc::storage_failed, "the transaction was lost") : result.error();
}

// A COMMIT that failed while it synced may have left all its pages in the log. This process doesn't
// see them, but SQLite would take them for committed when it reads the log after a crash. Another
// commit goes to the same place in the log and ends that: only then the answer is "not written".
Result<void> GroupCommit::bury(Error cause) {
  const std::string again =
      "BEGIN IMMEDIATE; PRAGMA user_version = " + std::to_string(kNewestSchema) + "; COMMIT;";
  if (database_->execute(again.c_str())) return std::unexpected(std::move(cause));
  if (database_->in_transaction()) (void)database_->run("ROLLBACK");
  return fail(Errc::outcome_unknown,
              cause.message() + "; whether the change was stored shows when storage works again");
}

void GroupCommit::count(std::size_t works, const Result<void>& committed) {
  const std::lock_guard lock(counting_);
  if (!committed) {
    ++counters_.failures;
    counters_.failing = committed.error().message();
    return;
  }
  counters_.failing.reset();
  ++counters_.commits;
  counters_.works += works;
  counters_.largest = std::max<std::uint64_t>(counters_.largest, works);
  const auto bound = std::ranges::lower_bound(kBatchBounds, works);
  ++counters_.batches[static_cast<std::size_t>(bound - kBatchBounds.begin())];
  counters_.wal_bytes = kWalHeader + kWalFrame * static_cast<std::uint64_t>(database_->wal_pages());
}

StoreCounters GroupCommit::counters() const {
  const std::lock_guard lock(counting_);
  StoreCounters out = counters_;
  out.checkpoints = checkpointer_.runs();
  out.checkpoint_failures = checkpointer_.failures();
  return out;
}

}  // namespace lanrage::store
