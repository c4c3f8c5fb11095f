// One writer thread that commits many callers' work in one transaction.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/checkpointer.hpp"
#include "store/sqlite/database.hpp"
#include "store/store.hpp"

namespace lanrage::store {

class GroupCommit {
 public:
  // May be run twice, the first time without effect.
  using Work = std::move_only_function<Result<void>(Database&)>;

  // At most so many callers share a transaction: it bounds what a failed commit takes with it and
  // how long the first of them waits.
  static constexpr std::size_t kLargestGroup = 64;

  // `checkpointing`: a second connection to the same database.
  GroupCommit(std::unique_ptr<Database> database, std::unique_ptr<Database> checkpointing,
              const WalLimits& limits, Executor executor);
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;
  ~GroupCommit();  // after all accepted work

  // Work that fails leaves no trace and fails alone; when the commit itself fails, every caller of
  // the group is told so. From any thread.
  void submit(Work work, Completion done);
  // The same for work that may wait: each transaction takes one such piece, after the others.
  void submit_behind(Work work, Completion done);

  StoreCounters counters() const;  // from any thread

 private:
  struct Job {
    Work work;
    Completion done;
  };
  using Results = std::vector<Result<void>>;
  enum class Undo { whole_group, single };
  enum class Attempt { complete, must_undo_one };

  void add(std::deque<Job>& queue, Work work, Completion done);
  std::vector<Job> next_group();  // empty: there is nothing left to do
  void run();
  void commit(std::vector<Job> group);
  Result<void> write(std::vector<Job>& group, Results& results);
  Result<Attempt> attempt(std::vector<Job>& group, Results& results, Undo undo);
  Result<Attempt> write_plainly(Job& job, Results& results);
  Result<Attempt> write_undoably(Job& job, Results& results);
  std::optional<Error> transaction_lost(const Result<void>& result) const;
  Result<void> bury(Error cause);
  void count(std::size_t works, const Result<void>& committed);

  std::unique_ptr<Database> database_;
  Checkpointer checkpointer_;
  Executor executor_;
  mutable std::mutex counting_;
  StoreCounters counters_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::deque<Job> behind_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace lanrage::store
