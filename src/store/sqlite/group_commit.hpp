// One writer thread that commits many callers' work in one transaction.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.hpp"
#include "store/sqlite/database.hpp"
#include "store/store.hpp"

namespace lanrage::store {

class GroupCommit {
 public:
  using Work = std::move_only_function<Result<void>(Database&)>;

  // At most so many callers share a transaction: it bounds what a failed commit takes with it and
  // how long the first of them waits.
  static constexpr std::size_t kLargestGroup = 64;

  GroupCommit(std::unique_ptr<Database> database, Executor executor);
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;
  ~GroupCommit();  // after all accepted work

  // Work that fails leaves no trace and fails alone; when the commit itself fails, every caller of
  // the group is told so. From any thread.
  void submit(Work work, Completion done);

 private:
  struct Job {
    Work work;
    Completion done;
  };

  void run();
  void commit(std::deque<Job>& group);
  void finish(Completion done, Result<void> result);

  std::unique_ptr<Database> database_;
  Executor executor_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace lanrage::store
