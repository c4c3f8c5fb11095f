#include "path/selector.hpp"

#include <gtest/gtest.h>

#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

PathQuality quality(ms rtt, int replies, int losses) {
  PathQuality out;
  for (int i = 0; i < replies + losses; ++i)
    if (i % (replies + losses) < replies)
      out.on_reply(rtt);
    else
      out.on_loss();
  return out;
}

TEST(PathQuality, AveragesAsRfc6298Does) {
  PathQuality quality;
  EXPECT_FALSE(quality.rtt());
  quality.on_reply(ms(80));
  EXPECT_EQ(quality.rtt(), ms(80));
  EXPECT_EQ(quality.jitter(), ms(40));
  quality.on_reply(ms(160));
  EXPECT_EQ(quality.rtt(), ms(90));
  EXPECT_EQ(quality.jitter(), ms(50));
}

TEST(PathQuality, LossIsThePlainMeanFirstThenForgets) {
  PathQuality quality;
  quality.on_loss();
  quality.on_reply(ms(1));
  EXPECT_DOUBLE_EQ(quality.loss(), 0.5);
  for (int i = 0; i < 200; ++i)
    quality.on_reply(ms(1));
  EXPECT_LT(quality.loss(), 0.01);
}

TEST(Selector, DirectIsUsedUnlessItLosesClearlyMore) {
  EXPECT_TRUE(may_use_direct(quality(ms(300), 8, 0), quality(ms(20), 8, 0))) << "slower is no bar";
  EXPECT_TRUE(may_use_direct(quality(ms(20), 0, 7), quality(ms(20), 8, 0))) << "too few samples";
  EXPECT_FALSE(may_use_direct(quality(ms(20), 6, 4), quality(ms(20), 10, 0)));
  EXPECT_TRUE(may_use_direct(quality(ms(20), 6, 4), quality(ms(20), 6, 4)));
}

TEST(Selector, LeavingDirectTakesMoreThanNotEntering) {
  auto relay = quality(ms(20), 30, 0);
  EXPECT_FALSE(must_leave_direct(quality(ms(20), 9, 9), relay)) << "too few samples";
  EXPECT_FALSE(must_leave_direct(quality(ms(20), 19, 6), relay));
  EXPECT_TRUE(must_leave_direct(quality(ms(20), 10, 20), relay));
  const PathQuality unmeasured;
  EXPECT_FALSE(must_leave_direct(quality(ms(20), 20, 10), unmeasured)) << "nothing to compare";
  EXPECT_TRUE(must_leave_direct(quality(ms(20), 10, 20), unmeasured)) << "worth a try";
}

TEST(Selector, LanBeatsReflexiveAndNothingSwings) {
  auto lan = quality(ms(1), 5, 0);
  auto public_path = quality(ms(2), 5, 0);
  using enum CandidateKind;
  EXPECT_TRUE(is_better_direct(host, lan, server_reflexive, public_path));
  EXPECT_FALSE(is_better_direct(server_reflexive, public_path, host, lan));
  EXPECT_FALSE(is_better_direct(host, quality(ms(30), 5, 0), host, quality(ms(31), 5, 0)));
  EXPECT_TRUE(
      is_better_direct(server_reflexive, quality(ms(10), 5, 0), host, quality(ms(60), 5, 0)));
  EXPECT_FALSE(is_better_direct(host, quality(ms(1), 2, 0), server_reflexive, public_path))
      << "too few samples";
  EXPECT_FALSE(is_better_direct(host, quality(ms(1), 5, 5), server_reflexive, public_path));
}

TEST(Selector, AnotherRelayMustBeTenMillisecondsAndAThirdBetter) {
  EXPECT_TRUE(is_better_relay(ms(20), ms(30)));
  EXPECT_FALSE(is_better_relay(ms(21), ms(30)));
  EXPECT_FALSE(is_better_relay(ms(70), ms(100)));
  EXPECT_FALSE(is_better_relay(ms(1), ms(9)));
  EXPECT_TRUE(is_better_relay(ms(20), std::nullopt));
  EXPECT_FALSE(is_better_relay(std::nullopt, ms(20)));
}

TEST(Selector, TheCorrectionOfAFirstRelayTakesFiveMillisecondsAndATenth) {
  EXPECT_TRUE(corrects_first_relay(ms(90), ms(100)));
  EXPECT_FALSE(corrects_first_relay(ms(91), ms(100)));
  EXPECT_TRUE(corrects_first_relay(ms(20), ms(25)));
  EXPECT_FALSE(corrects_first_relay(ms(21), ms(25)));
  EXPECT_TRUE(corrects_first_relay(ms(20), std::nullopt));
  EXPECT_FALSE(corrects_first_relay(std::nullopt, ms(20)));
}

TEST(Selector, AnotherRttIsAQuarterAndFiveMillisecondsAway) {
  EXPECT_TRUE(is_another_rtt(ms(100), ms(125)));
  EXPECT_TRUE(is_another_rtt(ms(100), ms(75)));
  EXPECT_FALSE(is_another_rtt(ms(100), ms(124)));
  EXPECT_FALSE(is_another_rtt(ms(10), ms(14)));
  EXPECT_TRUE(is_another_rtt(ms(10), ms(15)));
}

}  // namespace
}  // namespace lanrage::path
