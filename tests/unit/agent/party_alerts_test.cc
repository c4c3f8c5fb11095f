#include "agent/party_alerts.hpp"

#include <cstdio>
#include <gtest/gtest.h>
#include <memory>

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;
using enum AlertCode;

class PartyAlertsTest : public ::testing::Test {
 protected:
  // Lines of the log that hold `text`.
  int logged(std::string_view text) {
    std::fflush(file_.get());
    std::rewind(file_.get());
    char line[1024];
    int count = 0;
    while (std::fgets(line, sizeof line, file_.get()) != nullptr)
      if (std::string_view(line).find(text) != std::string_view::npos) ++count;
    return count;
  }

  UnixTime now_{100s};
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{std::tmpfile(), std::fclose};
  io::Log log_{file_.get()};
  PartyAlerts alerts_{log_, "the-party", [this] { return now_; }};
};

TEST_F(PartyAlertsTest, OneStandsUntilItIsCleared) {
  EXPECT_TRUE(alerts_.shown().empty());
  EXPECT_FALSE(alerts_.any_standing());
  alerts_.raise(split_view, "another history");
  now_ += 24h;
  EXPECT_EQ(alerts_.shown(), (std::vector<Alert>{{split_view, "another history", UnixTime(100s)}}));
  EXPECT_TRUE(alerts_.any_standing());
  alerts_.clear(split_view);
  EXPECT_FALSE(alerts_.any_standing());
}

TEST_F(PartyAlertsTest, WhatIsOverIsShownForAnHour) {
  alerts_.raise(record_refused, "a false record");
  now_ += 1s;
  alerts_.clear(record_refused);
  const Alert over{record_refused, "a false record", UnixTime(100s), UnixTime(101s)};
  now_ += 1h - 1ms;
  alerts_.clear(record_refused);  // again: says nothing new
  EXPECT_EQ(alerts_.shown(), std::vector{over});
  now_ += 1ms;
  EXPECT_TRUE(alerts_.shown().empty());
}

TEST_F(PartyAlertsTest, RaisedAgainItKeepsTheFirstTimeWhileItIsShown) {
  alerts_.raise(server_behind, "old");
  now_ += 1min;
  alerts_.clear(server_behind);
  alerts_.raise(server_behind, "older");
  EXPECT_EQ(alerts_.shown(), (std::vector<Alert>{{server_behind, "older", UnixTime(100s)}}));
  alerts_.clear(server_behind);
  now_ += 1h;
  alerts_.raise(server_behind, "old");
  EXPECT_EQ(alerts_.shown(), (std::vector<Alert>{{server_behind, "old", now_}}));
}

TEST_F(PartyAlertsTest, ClearingWhatNeverWasShowsNothing) {
  alerts_.clear(party_key_missing);
  EXPECT_TRUE(alerts_.shown().empty());
  EXPECT_EQ(logged("alert_over"), 0);
}

TEST_F(PartyAlertsTest, TheLogHasWhatIsNewOnce) {
  for (int i = 0; i < 5; ++i, now_ += 2min)
    alerts_.raise(split_view, "another history");
  EXPECT_EQ(logged("split_view"), 1);
  EXPECT_EQ(logged("another history"), 1);
  alerts_.clear(split_view);
  alerts_.clear(split_view);
  EXPECT_EQ(logged("alert_over"), 1);
}

// Whatever a server does in turn.
TEST_F(PartyAlertsTest, TheLogHasOneLineAMinuteAndCode) {
  for (int i = 0; i < 60; ++i, now_ += 1s) {
    alerts_.raise(record_refused, "false record " + std::to_string(i));
    alerts_.clear(record_refused);
  }
  EXPECT_EQ(logged("false record"), 1);
  EXPECT_EQ(logged("alert_over"), 1);
  alerts_.raise(record_refused, "one more");
  EXPECT_EQ(logged("one more"), 1);
}

}  // namespace
}  // namespace lanrage::agent
