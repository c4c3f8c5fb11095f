// Moves committed pages from the write-ahead log into the database without holding up the writer,
// and keeps the log's size bounded.
//
// A passive checkpoint on this class's own thread and connection never blocks a commit, but under
// constant load it never catches up with the last commit either, and only a log that is wholly
// moved starts again from its beginning. So once the log is past its limit, the writer moves the
// last few pages itself between two commits, and its next commit starts the log anew.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "store/sqlite/database.hpp"

namespace lanrage::store {

struct WalLimits {
  int step = 1000;      // pages not moved yet that make the thread start
  int pages = 8000;     // the log starts anew when it is past this
  int remainder = 500;  // at most so many pages are left to the writer, while the log is below...
  int hard = 32000;     // ...this many pages, where the writer moves whatever there is
};

class Checkpointer {
 public:
  Checkpointer(std::unique_ptr<Database> database, const WalLimits& limits);
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;
  ~Checkpointer();

  // On the writer's thread, outside of a transaction, with its connection.
  void after_commit(Database& writer);
  // Likewise. The disk may be full: a log that is wholly moved needs no more room for the next try.
  void after_failure(Database& writer) { move_pages(writer); }

  std::uint64_t runs() const { return runs_; }
  std::uint64_t failures() const { return failures_; }

 private:
  void run();
  int move_pages(Database& database);  // returns how many of the log's are moved now

  std::unique_ptr<Database> database_;
  const WalLimits limits_;
  int blocked_at_ =
      0;  // the log's pages when a reader kept the writer from moving all; its thread's
  std::atomic<std::uint64_t> runs_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;
  std::mutex moving_;             // held while pages are moved: SQLite allows one at a time
  std::mutex mutex_;              // what follows
  int logged_ = 0;                // pages in the log...
  int moved_ = 0;                 // ...and of these in the database already
  std::uint64_t generation_ = 0;  // of the log: each start from its beginning is one
  std::condition_variable wake_;
  bool wanted_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace lanrage::store
