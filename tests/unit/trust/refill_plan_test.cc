// When a member hands a server back what it forgot, and asks about a party that it doesn't know.
#include "trust/refill_plan.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace lanrage::trust {
namespace {

using namespace std::chrono_literals;
using enum RefillPlan::Step;
using Server = RefillPlan::Server;

struct Taken {
  RefillPlan::Step step;
  Instant at;
};

class RefillPlanTest : public testing::Test {
 protected:
  // As the agent does it, while the server stays as it is: a hand-back takes 100 ms, and what is
  // asked about an unknown party is answered likewise.
  std::vector<Taken> run_for(Duration time) {
    std::vector<Taken> out;
    const auto end = now_ + time;
    for (;;) {
      plan_->look(now_, server_);
      while (const auto step = plan_->next_step(now_)) {
        out.push_back({*step, now_});
        if (*step == hand_back) handed_back_at_ = now_ + 100ms;
        if (*step == ask_again && !knows_party_) plan_->on_unknown_party(now_);
      }
      auto next = plan_->next_timeout().value_or(end);
      if (handed_back_at_) next = std::min(next, *handed_back_at_);
      if (next >= end) break;
      EXPECT_GE(next, now_);
      now_ = next;
      if (handed_back_at_ == now_) {
        handed_back_at_.reset();
        plan_->on_handed_back(now_);
      }
    }
    now_ = end;
    return out;
  }
  static std::vector<Instant> times(const std::vector<Taken>& taken, RefillPlan::Step step) {
    std::vector<Instant> out;
    for (const auto& one : taken)
      if (one.step == step) out.push_back(one.at);
    return out;
  }
  std::optional<Instant> first(const std::vector<Taken>& taken, RefillPlan::Step step) {
    const auto all = times(taken, step);
    return all.empty() ? std::nullopt : std::optional(all.front());
  }

  SeededRandom random_{7};
  std::optional<RefillPlan> plan_{std::in_place, random_};
  Instant now_{1'000s};
  Server server_ = Server::has_all;
  bool knows_party_ = true;
  std::optional<Instant> handed_back_at_;
};

TEST_F(RefillPlanTest, AServerThatHasAllIsLeftAlone) {
  EXPECT_TRUE(run_for(24h).empty());
  EXPECT_FALSE(plan_->next_timeout());
}

TEST_F(RefillPlanTest, WhatItLacksIsHandedBackByLot) {
  std::set<Duration> seen;
  for (int n = 0; n < 20; ++n) {
    plan_.emplace(random_);
    const auto start = now_;
    server_ = Server::lacks_records;
    const auto at = first(run_for(3s), hand_back);
    ASSERT_TRUE(at);
    EXPECT_LE(*at - start, RefillPlan::kLots);
    seen.insert(*at - start);
    handed_back_at_.reset();
  }
  EXPECT_GT(seen.size(), 15u);
}

TEST_F(RefillPlanTest, AnotherMemberWhoIsFasterSpares) {
  plan_->look(now_, Server::lacks_records);
  EXPECT_TRUE(plan_->next_timeout());
  EXPECT_TRUE(run_for(1h).empty());
}

TEST_F(RefillPlanTest, OneThatTakesNothingIsTriedEverMoreRarely) {
  server_ = Server::lacks_records;
  const auto at = times(run_for(5h), hand_back);
  ASSERT_GT(at.size(), 10u);
  EXPECT_GE(at[1] - at[0], 30s);
  EXPECT_LE(at[1] - at[0], 1min + 100ms + RefillPlan::kLots);
  EXPECT_GE(at.back() - at[at.size() - 2], 5min);
  EXPECT_LE(at.back() - at[at.size() - 2], 10min + 100ms + RefillPlan::kLots);
}

TEST_F(RefillPlanTest, OneThatForgetsAgainAndAgainHasToWaitToo) {
  int handed_back = 0;
  const auto start = now_;
  while (now_ < start + 10min) {
    server_ = Server::lacks_records;
    for (const auto& taken : run_for(1s))
      handed_back += taken.step == hand_back ? 1 : 0;
    server_ = Server::has_all;
    run_for(1s);
  }
  EXPECT_GE(handed_back, 2);
  EXPECT_LE(handed_back, 20);
}

TEST_F(RefillPlanTest, OutOfReachNothingIsHandedBackAndSoonAfterItIs) {
  server_ = Server::lacks_records;
  plan_->look(now_, server_);
  server_ = Server::out_of_reach;
  EXPECT_TRUE(run_for(1h).empty());
  server_ = Server::lacks_records;
  const auto start = now_;
  EXPECT_LE(first(run_for(3s), hand_back).value() - start, RefillPlan::kLots);
}

TEST_F(RefillPlanTest, WhileOneIsUnderWayThereIsNoSecond) {
  plan_->look(now_, Server::lacks_records);
  now_ += RefillPlan::kLots;
  ASSERT_EQ(plan_->next_step(now_), hand_back);
  plan_->look(now_, Server::lacks_records);
  EXPECT_FALSE(plan_->next_timeout());
  EXPECT_FALSE(plan_->next_step(now_ + 1h));
}

TEST_F(RefillPlanTest, AnUnknownPartyIsAskedAboutEverMoreRarely) {
  knows_party_ = false;
  plan_->on_unknown_party(now_);
  const auto start = now_;
  const auto at = times(run_for(2h), ask_again);
  ASSERT_GT(at.size(), 10u);
  EXPECT_GE(at[0] - start, 4s);
  EXPECT_LE(at[0] - start, 8s);
  EXPECT_GE(at.back() - at[at.size() - 2], 150s);
  EXPECT_LE(at.back() - at[at.size() - 2], 5min);
}

TEST_F(RefillPlanTest, SeveralRefusalsAreOneQuestion) {
  for (int n = 0; n < 10; ++n)
    plan_->on_unknown_party(now_);
  EXPECT_EQ(times(run_for(1h), ask_again).size(), 1u);
}

TEST_F(RefillPlanTest, OnceShownThePartyIsNotAskedAboutAndPausesBeginAnew) {
  knows_party_ = false;
  plan_->on_unknown_party(now_);
  run_for(2h);
  plan_->on_party_shown();
  knows_party_ = true;
  EXPECT_TRUE(run_for(1h).empty());
  plan_->on_unknown_party(now_);
  const auto start = now_;
  EXPECT_LE(first(run_for(1h), ask_again).value() - start, 8s);
}

TEST_F(RefillPlanTest, WaitingToAskDelaysNoHandBack) {
  knows_party_ = false;
  plan_->on_unknown_party(now_);
  run_for(2h);  // the pause is minutes by now
  plan_->on_unknown_party(now_);
  server_ = Server::lacks_records;
  const auto start = now_;
  EXPECT_LE(first(run_for(1h), hand_back).value() - start, RefillPlan::kLots);
}

TEST_F(RefillPlanTest, WaitingToHandBackDelaysNoQuestion) {
  server_ = Server::lacks_records;
  run_for(5h);  // likewise
  plan_->on_unknown_party(now_);
  const auto start = now_;
  EXPECT_LE(first(run_for(1h), ask_again).value() - start, 8s);
}

TEST_F(RefillPlanTest, AHandBackUnderWayDelaysNoQuestion) {
  plan_->look(now_, Server::lacks_records);
  now_ += RefillPlan::kLots;
  ASSERT_EQ(plan_->next_step(now_), hand_back);
  plan_->on_unknown_party(now_);
  EXPECT_EQ(plan_->next_step(now_ + 8s), ask_again);
}

}  // namespace
}  // namespace lanrage::trust
