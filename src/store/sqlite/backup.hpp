// Copies of a database that is in use.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "store/sqlite/database.hpp"
#include "store/store.hpp"

namespace lanrage::store {

// What `source` holds now into the new file `path` (mode 0600), with a new incarnation; checked,
// and named only when it is complete. `cancelled` is asked between pieces. Nobody else may be
// inside a transaction of `source`; other connections go on reading and writing.
Result<void> write_backup(Database& source, const std::string& vfs, const std::string& path,
                          const std::atomic<bool>& cancelled);

// Writes backups one after the other on a thread of its own. Destruction cancels the one at work.
class BackupThread {
 public:
  // `database`: the file to copy.
  BackupThread(std::string database, std::string vfs, Executor executor);
  BackupThread(const BackupThread&) = delete;
  BackupThread& operator=(const BackupThread&) = delete;
  ~BackupThread();

  void submit(std::string path, Completion done);  // from any thread

 private:
  struct Job {
    std::string path;
    Completion done;
  };

  void run();
  Result<void> copy_to(const std::string& path);

  const std::string database_;
  const std::string vfs_;
  const Executor executor_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::thread thread_;
};

}  // namespace lanrage::store
