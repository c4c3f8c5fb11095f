#include "portmap/round_thread.hpp"

#include <csignal>
#include <utility>

namespace lanrage::portmap {

RoundThread::RoundThread(std::function<Duration(const std::stop_token&)> round,
                         std::function<void()> last)
    : round_(std::move(round)), last_(std::move(last)) {
  // A thread inherits its mask: SIGTERM must reach whoever waits for it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

RoundThread::~RoundThread() {
  thread_.request_stop();
  thread_.join();
}

void RoundThread::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void RoundThread::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto again = round_(stop);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, again, [this] { return woken_; });
    woken_ = false;
  }
  last_();
}

}  // namespace lanrage::portmap
