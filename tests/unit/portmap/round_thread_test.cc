#include "portmap/round_thread.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <semaphore>

namespace lanrage::portmap {
namespace {

using namespace std::chrono_literals;

TEST(RoundThread, RunsAtOnceAgainWhenWokenAndEndsWithTheLastCall) {
  std::counting_semaphore<> rounds(0);
  int last = 0;
  {
    RoundThread thread(
        [&](const std::stop_token&) {
          rounds.release();
          return Duration(1h);
        },
        [&] { ++last; });
    rounds.acquire();
    thread.wake();
    rounds.acquire();
    EXPECT_EQ(last, 0);
  }
  EXPECT_EQ(last, 1);
}

TEST(RoundThread, RunsAgainAfterTheTimeThatTheRoundNamed) {
  std::counting_semaphore<> rounds(0);
  RoundThread thread(
      [&](const std::stop_token&) {
        rounds.release();
        return Duration(1ms);
      },
      [] {});
  for (int i = 0; i < 3; ++i)
    rounds.acquire();
}

TEST(RoundThread, ARoundUnderWayIsToldToStop) {
  std::binary_semaphore begun(0);
  bool last = false;
  {
    RoundThread thread(
        [&](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any stopped;
          std::unique_lock lock(mutex);
          begun.release();
          stopped.wait(lock, stop, [] { return false; });
          return Duration(1h);
        },
        [&] { last = true; });
    begun.acquire();
  }
  EXPECT_TRUE(last);
}

}  // namespace
}  // namespace lanrage::portmap
