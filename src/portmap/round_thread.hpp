// A thread for what blocks and is done again and again.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/time.hpp"

namespace lanrage::portmap {

class RoundThread {
 public:
  // `round` says after how long it wants to be called again; `last` is called at the end. Both run
  // on the thread.
  RoundThread(std::function<Duration(const std::stop_token&)> round, std::function<void()> last);
  // Asks the round under way to stop, and returns after it and `last`.
  ~RoundThread();
  RoundThread(const RoundThread&) = delete;
  RoundThread& operator=(const RoundThread&) = delete;

  // Another round at once, or as soon as the one under way has ended.
  void wake();

 private:
  void run(const std::stop_token& stop);

  std::function<Duration(const std::stop_token&)> round_;
  std::function<void()> last_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::jthread thread_;
};

}  // namespace lanrage::portmap
