#include "agent/udp_watch.hpp"

#include <gtest/gtest.h>

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{100s};

// Lets time pass up to `until`, with the timers that it asks for.
void pass(UdpWatch& watch, Instant until) {
  while (watch.next_timeout() && *watch.next_timeout() <= until)
    watch.on_timeout(*watch.next_timeout());
}

TEST(UdpWatch, NothingIsKnownBeforeSomebodyWasAskedLongEnough) {
  UdpWatch watch;
  EXPECT_FALSE(watch.next_timeout());
  EXPECT_EQ(watch.works(), std::nullopt);
  watch.on_asked(kStart);
  EXPECT_TRUE(watch.asking());
  pass(watch, kStart + UdpWatch::kAnsweredBy - 1us);
  EXPECT_EQ(watch.works(), std::nullopt);
  EXPECT_FALSE(watch.silent_since());
}

TEST(UdpWatch, SilenceIsKnownInLessThanThreeSeconds) {
  UdpWatch watch;
  watch.on_asked(kStart);
  pass(watch, kStart + 3s);
  EXPECT_EQ(watch.works(), false);
  EXPECT_EQ(watch.silent_since(), kStart);
  EXPECT_FALSE(watch.worked_before());
  EXPECT_FALSE(watch.next_timeout()) << "nothing more to wait for";
  // Asking on changes nothing, not even since when.
  watch.on_asked(kStart + 20s);
  pass(watch, kStart + 30s);
  EXPECT_EQ(watch.silent_since(), kStart);
}

TEST(UdpWatch, AnyAnswerEndsIt) {
  UdpWatch watch;
  watch.on_asked(kStart);
  pass(watch, kStart + 3s);
  watch.on_answer();
  EXPECT_EQ(watch.works(), true);
  EXPECT_FALSE(watch.asking());
  EXPECT_FALSE(watch.silent_since());
  // Now it counts that it has worked.
  watch.on_asked(kStart + 60s);
  EXPECT_EQ(watch.works(), true);
  pass(watch, kStart + 63s);
  EXPECT_EQ(watch.works(), false);
  EXPECT_EQ(watch.silent_since(), kStart + 60s);
  EXPECT_TRUE(watch.worked_before());
}

TEST(UdpWatch, AnotherNetworkIsAnotherMatter) {
  UdpWatch watch;
  watch.on_answer();
  watch.restart();
  EXPECT_EQ(watch.works(), std::nullopt);
  watch.on_asked(kStart);
  pass(watch, kStart + 3s);
  EXPECT_FALSE(watch.worked_before());
}

}  // namespace
}  // namespace lanrage::agent
