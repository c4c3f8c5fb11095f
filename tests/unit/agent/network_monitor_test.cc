// When parties are told that the machine is on another network, or slept.
#include "agent/network_monitor.hpp"

#include <chrono>
#include <gtest/gtest.h>

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

Instant at(Duration time) {
  return Instant(time);
}

TEST(SleepWatch, AnAwakeMachineIsAskedEverySecondAndLaterWhenItIsBusy) {
  SleepWatch watch;
  EXPECT_FALSE(watch.slept({at(100s), at(50s)}));
  EXPECT_FALSE(watch.slept({at(101s), at(51s)}));
  EXPECT_FALSE(watch.slept({at(110'900ms), at(60'900ms)}));
}

TEST(SleepWatch, ASuspendShowsInTheClockThatStoodStill) {
  SleepWatch watch;
  watch.slept({at(100s), at(50s)});
  EXPECT_TRUE(watch.slept({at(103s), at(51s)}));
  EXPECT_FALSE(watch.slept({at(104s), at(52s)})) << "once a suspend";
  EXPECT_FALSE(watch.slept({at(106'900ms), at(53s)})) << "1.9 s apart";
  EXPECT_TRUE(watch.slept({at(8h), at(54s)}));
}

TEST(SleepWatch, AStoppedProgramIsAskedLate) {
  SleepWatch watch;
  watch.slept({at(100s), at(50s)});
  EXPECT_FALSE(watch.slept({at(109'999ms), at(59'999ms)}));
  EXPECT_TRUE(watch.slept({at(119'999ms), at(69'999ms)}));
}

class NetworkMonitorTest : public ::testing::Test {
 protected:
  NetworkMonitorTest()
      : log(stderr, io::LogLevel::error),
        monitor(io, log,
                {[this] { return place; },
                 [this] { return SleepWatch::Clocks{at(boot), at(awake)}; }}) {}

  std::unique_ptr<NetworkMonitor::Subscription> listen() {
    return monitor.subscribe({[this] { heard += "addresses "; }, [this] { heard += "moved "; }});
  }
  // Until the monitor has looked again: by its clock or by the kernel's word.
  void look() {
    boot += 1s;
    awake += 1s;
    monitor.look_now();
  }

  boost::asio::io_context io;
  io::Log log;
  Duration boot = 100s;
  Duration awake = 50s;
  NetworkPlace home{{IpAddress::v4(0xC0A80102)}, {IpAddress::v4(0xC0A80102)}};
  NetworkPlace place = home;
  std::string heard;
  NetworkMonitor monitor;
};

TEST_F(NetworkMonitorTest, AnotherAddressIsAMove) {
  const auto ear = listen();
  look();
  EXPECT_EQ(heard, "");
  place.addresses = place.sources = {IpAddress::v4(0xC0A80203)};
  look();
  EXPECT_EQ(heard, "addresses moved ");
  look();
  EXPECT_EQ(heard, "addresses moved ");
}

TEST_F(NetworkMonitorTest, AnotherWayOutIsAMove) {
  place.addresses.push_back(IpAddress::v4(0xC0A80203));
  look();
  const auto ear = listen();
  place.sources = {IpAddress::v4(0xC0A80203)};
  look();
  EXPECT_EQ(heard, "addresses moved ");
}

TEST_F(NetworkMonitorTest, ANetworkThatWentAndCameBackIsAMoveOnceItIsThere) {
  const auto ear = listen();
  place = {};
  look();
  EXPECT_EQ(heard, "addresses ");
  place = home;
  look();
  EXPECT_EQ(heard, "addresses addresses moved ");
}

TEST_F(NetworkMonitorTest, SleepIsAMoveWithoutNewAddresses) {
  const auto ear = listen();
  boot += 60s;
  look();
  EXPECT_EQ(heard, "moved ");
}

TEST_F(NetworkMonitorTest, NobodyHearsAfterUnsubscribing) {
  auto first = listen();
  const auto second = monitor.subscribe({.on_addresses = [&] { first.reset(); }, .on_moved = {}});
  first.reset();
  place = {};
  look();
  EXPECT_EQ(heard, "");
}

TEST_F(NetworkMonitorTest, AListenerMayEndAnothersSubscription) {
  std::unique_ptr<NetworkMonitor::Subscription> other;
  const auto first = monitor.subscribe({.on_addresses = [&] { other.reset(); }, .on_moved = {}});
  other = listen();
  place = {};
  look();
  EXPECT_EQ(heard, "");
}

}  // namespace
}  // namespace lanrage::agent
