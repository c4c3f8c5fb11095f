#include "path/keepalive_pace.hpp"

#include <gtest/gtest.h>

#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

using namespace std::chrono_literals;

// An idle path through a NAT that forgets after `timeout`; a check that finds the mapping gone is
// lost, or seen from elsewhere where the NAT makes another.
struct IdlePath {
  Duration timeout;
  bool symmetric = false;
  KeepalivePace pace{Tuning{}};
  Instant now = kStart;
  int forgotten = 0;

  void run(Duration time) {
    for (const Instant end = now + time; now < end;) {
      const Duration gap = pace.interval();
      now += gap;
      const bool held = gap < timeout;
      forgotten += held ? 0 : 1;
      if (held || symmetric)
        pace.on_answer(now, gap, held);
      else
        pace.on_loss(now, gap);
    }
  }
};

TEST(KeepalivePace, BeginsShortAndGrowsToItsLimitWhereMappingsLast) {
  IdlePath path{.timeout = 120s};
  EXPECT_EQ(path.pace.interval(), 5s);
  path.run(5s);
  EXPECT_EQ(path.pace.interval(), 10s);
  path.run(60min);
  EXPECT_EQ(path.pace.interval(), 20s);
  EXPECT_EQ(path.forgotten, 0);
}

TEST(KeepalivePace, TheUsualShortestTimeoutOfRoutersIsNeverReached) {
  IdlePath path{.timeout = 30s};
  path.run(24h);
  EXPECT_EQ(path.forgotten, 0);
}

TEST(KeepalivePace, AShortTimeoutIsFoundAndKeptTo) {
  for (const bool symmetric : {false, true}) {
    IdlePath path{.timeout = 12s, .symmetric = symmetric};
    path.run(2min);
    EXPECT_EQ(path.pace.interval(), 10s);
    path.run(24h);
    EXPECT_LT(path.pace.interval(), 12s);
    EXPECT_LE(path.forgotten, 60) << "about twice an hour, for NATs change";
  }
}

TEST(KeepalivePace, NeverShorterThanItsLimit) {
  IdlePath path{.timeout = 1s};
  path.run(10min);
  EXPECT_EQ(path.pace.interval(), Tuning{}.shortest_keepalive);
}

TEST(KeepalivePace, OneLossIsSoonForgiven) {
  IdlePath path{.timeout = 120s};
  path.run(2min);
  path.pace.on_loss(path.now, 20s);
  EXPECT_LT(path.pace.interval(), 14s);
  path.run(3min);
  EXPECT_EQ(path.pace.interval(), 20s);
}

TEST(KeepalivePace, WhatOtherPacketsKeptAliveProvesNothing) {
  KeepalivePace pace{Tuning{}};
  pace.on_answer(kStart, 3'900ms, true);
  EXPECT_EQ(pace.interval(), 5s);
  pace.on_loss(kStart, 3'900ms);
  EXPECT_EQ(pace.interval(), 5s);
  pace.on_answer(kStart, 4s, true);
  EXPECT_EQ(pace.interval(), 10s);
}

TEST(KeepalivePace, AnotherNetworkIsLearnedAnew) {
  IdlePath path{.timeout = 120s};
  path.run(2min);
  path.pace.restart();
  EXPECT_EQ(path.pace.interval(), 5s);
}

}  // namespace
}  // namespace lanrage::path
