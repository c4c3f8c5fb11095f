// Runs a store's completions on the thread that waits for them, as a server's event loop does.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "store/store.hpp"

namespace lanrage::store::test {

class TaskLoop {
 public:
  Executor executor() {
    return [this](std::move_only_function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      wake_.notify_one();
    };
  }
  // Waits for the next task; throws when none comes for a minute.
  void run_one() {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, std::chrono::seconds(60), [this] { return !tasks_.empty(); }))
      throw std::runtime_error("the store doesn't answer");
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }
  template <class Done>
  void run_until(const Done& done) {
    while (!done())
      run_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> tasks_;
};

}  // namespace lanrage::store::test
