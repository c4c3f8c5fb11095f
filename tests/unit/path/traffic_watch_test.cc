#include "path/traffic_watch.hpp"

#include <gtest/gtest.h>

#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

TEST(TrafficWatch, SeesTrafficThatNobodyAnswers) {
  TrafficWatch watch;
  watch.restart(kStart);
  watch.on_counters(kStart + ms(100), 5'000, 5'000);
  EXPECT_FALSE(watch.unanswered());
  watch.on_counters(kStart + ms(200), 5'000, 5'601);
  EXPECT_TRUE(watch.unanswered());
  EXPECT_EQ(watch.silence(kStart + ms(700)), ms(600));
  watch.on_counters(kStart + ms(800), 5'001, 6'000);
  EXPECT_FALSE(watch.unanswered());
  EXPECT_EQ(watch.received(), kStart + ms(800));
}

TEST(TrafficWatch, OurOwnProbesAreNoTraffic) {
  TrafficWatch watch;
  watch.restart(kStart);
  std::uint64_t sent = 300;  // keepalives and such
  for (int i = 0; i < 20; ++i) {
    watch.on_probe();
    sent += 128;
    watch.on_counters(kStart + i * ms(250), 0, sent);
    EXPECT_FALSE(watch.unanswered());
    EXPECT_FALSE(watch.busy());
  }
  EXPECT_EQ(watch.probes(), 20);
  watch.on_counters(kStart + ms(6'000), 1, sent);
  EXPECT_EQ(watch.probes(), 0);
}

TEST(TrafficWatch, IsBusyForAboutASecond) {
  TrafficWatch watch;
  watch.restart(kStart);
  watch.on_counters(kStart + ms(500), 600, 600);
  EXPECT_FALSE(watch.busy()) << "the first window isn't over";
  watch.on_counters(kStart + ms(1'000), 600, 600);
  EXPECT_TRUE(watch.busy());
  watch.on_counters(kStart + ms(2'000), 700, 700);
  EXPECT_FALSE(watch.busy());
}

TEST(TrafficWatch, StartsAgainWithANewPeer) {
  TrafficWatch watch;
  watch.restart(kStart);
  watch.on_counters(kStart, 50'000, 50'000);
  watch.on_counters(kStart + ms(100), 92, 148);
  EXPECT_FALSE(watch.unanswered());
  EXPECT_EQ(watch.received(), kStart + ms(100));
}

TEST(TrafficWatch, ALossyPathNeedsMoreEvidence) {
  EXPECT_EQ(losses_of_an_outage(0, 3), 3);
  EXPECT_EQ(losses_of_an_outage(0.02, 3), 3);
  EXPECT_EQ(losses_of_an_outage(0.19, 3), 5);  // 10 % each way
  EXPECT_EQ(losses_of_an_outage(0.51, 3), 11);
  EXPECT_EQ(losses_of_an_outage(1, 3), 20);
}

}  // namespace
}  // namespace lanrage::path
