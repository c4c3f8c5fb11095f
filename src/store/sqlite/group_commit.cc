#include "store/sqlite/group_commit.hpp"

#include <vector>

namespace lanrage::store {

GroupCommit::GroupCommit(std::unique_ptr<Database> database, Executor executor)
    : database_(std::move(database)), executor_(std::move(executor)), thread_([this] { run(); }) {}

GroupCommit::~GroupCommit() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void GroupCommit::submit(Work work, Completion done) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
}

void GroupCommit::run() {
  for (;;) {
    std::deque<Job> group;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && group.size() < kLargestGroup) {
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    commit(group);
  }
}

void GroupCommit::commit(std::deque<Job>& group) {
  std::vector<Result<void>> results;
  auto begun = database_->execute("BEGIN IMMEDIATE");
  if (begun) {
    for (auto& job : group) {
      // A savepoint a caller: one that is refused takes back its own writes only.
      auto result = database_->execute("SAVEPOINT job");
      if (result) {
        result = job.work(*database_);
        auto closed = result ? database_->execute("RELEASE job")
                             : database_->execute("ROLLBACK TO job; RELEASE job");
        if (result && !closed) result = std::move(closed);
      }
      // After a full disk or an I/O error SQLite may have rolled back the whole transaction.
      if (!database_->in_transaction()) {
        begun = result ? fail(Errc::storage_failed, "the transaction was lost") : std::move(result);
        break;
      }
      results.push_back(std::move(result));
    }
    if (begun) begun = database_->execute("COMMIT");
    if (!begun && database_->in_transaction()) (void)database_->execute("ROLLBACK");
  }
  for (std::size_t i = 0; i < group.size(); ++i)
    finish(std::move(group[i].done), begun ? std::move(results[i]) : begun);
}

void GroupCommit::finish(Completion done, Result<void> result) {
  executor_(
      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

}  // namespace lanrage::store
