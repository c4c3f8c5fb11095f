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
  EXPECT_EQ(watch.silence(), ms(100));
  watch.on_counters(kStart + ms(800), 5'001, 6'000);
  EXPECT_FALSE(watch.unanswered());
  EXPECT_EQ(watch.received(), kStart + ms(800));
}

TEST(TrafficWatch, OurOwnProbesAreNoTraffic) {
  TrafficWatch watch;
  watch.restart(kStart);
  std::uint64_t sent = 300;  // keepalives and such
  for (int i = 0; i < 20; ++i) {
    watch.on_probe(kStart);
    sent += 128;
    watch.on_counters(kStart + i * ms(250), 0, sent);
    EXPECT_FALSE(watch.unanswered());
    EXPECT_FALSE(watch.busy());
  }
  EXPECT_EQ(watch.probes(), 20);
  watch.on_counters(kStart + ms(6'000), 1, sent);
  EXPECT_EQ(watch.probes(), 0);
}

TEST(TrafficWatch, IsBusyForAboutThreeSeconds) {
  TrafficWatch watch;
  watch.restart(kStart);
  watch.on_counters(kStart + ms(500), 600, 600);
  EXPECT_FALSE(watch.busy()) << "the first window isn't over";
  watch.on_counters(kStart + ms(1'000), 600, 600);
  EXPECT_TRUE(watch.busy());
  watch.on_counters(kStart + ms(2'000), 700, 700);
  watch.on_counters(kStart + ms(3'000), 800, 800);
  EXPECT_TRUE(watch.busy()) << "it may have stopped because the path died";
  watch.on_counters(kStart + ms(4'000), 900, 900);
  EXPECT_FALSE(watch.busy());
}

TEST(TrafficWatch, KnowsWhetherTrafficWasComingInWhenItFellSilent) {
  TrafficWatch watch;
  watch.restart(kStart);
  watch.on_counters(kStart + ms(1'000), 5'000, 0);
  EXPECT_TRUE(watch.receiving());
  watch.on_counters(kStart + ms(9'000), 5'000, 0);
  EXPECT_TRUE(watch.receiving()) << "nobody has said why it stopped";
  watch.on_counters(kStart + ms(10'000), 5'128, 128);  // the answer to an echo
  EXPECT_FALSE(watch.receiving());
}

TEST(TrafficWatch, SaysForHowLongItHasAsked) {
  TrafficWatch watch;
  watch.restart(kStart);
  EXPECT_EQ(watch.probing(kStart + ms(500)), ms(0));
  watch.on_probe(kStart + ms(500));
  watch.on_probe(kStart + ms(600));
  EXPECT_EQ(watch.probing(kStart + ms(900)), ms(400));
  watch.on_counters(kStart + ms(1'000), 128, 256);
  EXPECT_EQ(watch.probing(kStart + ms(1'000)), ms(0));
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
