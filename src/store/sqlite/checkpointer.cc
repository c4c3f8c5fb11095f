#include "store/sqlite/checkpointer.hpp"

namespace lanrage::store {

Checkpointer::Checkpointer(std::unique_ptr<Database> database, const WalLimits& limits)
    : database_(std::move(database)), limits_(limits), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void Checkpointer::after_commit(Database& writer) {
  const int logged = writer.wal_pages();
  {
    const std::lock_guard lock(mutex_);
    if (logged < logged_) {
      ++generation_;
      moved_ = 0;
      blocked_at_ = 0;
    }
    logged_ = logged;
    const int left = logged - moved_;
    const bool over = logged >= limits_.pages;
    if (!over || logged < blocked_at_ || (left > limits_.remainder && logged < limits_.hard)) {
      if (left >= (over ? limits_.remainder : limits_.step)) {
        wanted_ = true;
        wake_.notify_one();
      }
      return;
    }
  }
  // A backup reads an older state, which stays in the log until it is done.
  if (move_pages(writer) < logged) blocked_at_ = logged + limits_.step;
}

void Checkpointer::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || wanted_; });
      if (stopping_) return;
      wanted_ = false;
    }
    move_pages(*database_);
  }
}

int Checkpointer::move_pages(Database& database) {
  const std::lock_guard moving(moving_);
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    generation = generation_;
  }
  const auto moved = database.checkpoint();
  if (!moved) {
    ++failures_;  // what is in the log stays there: nothing is lost, and the next run tries again
    return 0;
  }
  ++runs_;
  const std::lock_guard lock(mutex_);
  if (generation == generation_) moved_ = *moved;
  return *moved;
}

}  // namespace lanrage::store
