// When host and deputies close invites that have ended.
#include "trust/invite_closing.hpp"

#include <gtest/gtest.h>

#include "unit/trust/fixture.hpp"

namespace lanrage::trust {
namespace {

using namespace std::chrono_literals;
using Duty = InviteClosing::Duty;

class InviteClosingTest : public testing::Test {
 protected:
  // The calendar clock goes with the monotonic one.
  bool look(Duty duty = Duty::host) { return closing_->look(now_, clock(), history_.ledger, duty); }
  UnixTime clock() const {
    return kNow + std::chrono::floor<std::chrono::milliseconds>(now_ - at(0)) + clock_error_;
  }
  void add_invite(std::uint16_t uses, std::chrono::milliseconds lifetime) {
    auto made = party::build_invite(random_, history_.ledger, history_.key, history_.made.root,
                                    {uses, lifetime}, clock())
                    .value();
    secrets_.push_back(made.secret);
    history_.add(made.record);
  }
  void join_by_newest() {
    devices_.push_back(make_device(random_));
    history_.add(party::build_admission(
        history_.ledger, party::invite_keys(secrets_.back(), history_.made.id), devices_.back()));
  }
  void close() {
    auto rotation =
        party::build_rotation(random_, history_.ledger, history_.made.root, {}, clock()).value();
    history_.add(rotation.roster);
    history_.key = rotation.key;
  }
  // Looks whenever asked to, until a roster is due; nothing when none is within `time`.
  std::optional<Duration> due_within(Duration time, Duty duty = Duty::host) {
    const auto start = now_;
    for (;;) {
      if (look(duty)) return now_ - start;
      const auto next = closing_->next_look();
      if (!next || *next > start + time) return std::nullopt;
      EXPECT_GT(*next, now_);
      now_ = *next;
      ++looks_;
    }
  }

  SeededRandom random_{3};
  History history_{random_, make_device(random_)};
  std::vector<party::InviteSecret> secrets_;
  std::vector<party::DeviceKeys> devices_;
  Instant now_ = at(0);
  std::chrono::milliseconds clock_error_{0};
  std::optional<InviteClosing> closing_{std::in_place, random_};
  int looks_ = 0;
};

// The first invite lasts 24 h.
constexpr Duration kEnd = 24h + party::kInviteTolerance;

TEST_F(InviteClosingTest, TheHostClosesAnExpiredInviteAfterTheTolerance) {
  const auto due = due_within(48h);
  ASSERT_TRUE(due);
  EXPECT_GT(*due, kEnd);
  EXPECT_LE(*due, kEnd + 1ms + InviteClosing::kHostLots);
}

TEST_F(InviteClosingTest, WhileNothingCanEndThereIsNothingToDo) {
  now_ += kEnd + 1h;
  close();
  ASSERT_TRUE(history_.ledger.invites().empty());
  EXPECT_FALSE(look());
  EXPECT_FALSE(closing_->next_look());
}

TEST_F(InviteClosingTest, AnOpenInviteCostsALookEveryTenMinutesAtMost) {
  EXPECT_FALSE(due_within(23h));
  EXPECT_LE(looks_, 23 * 6);
}

TEST_F(InviteClosingTest, OthersThanHostAndDeputiesDoNothing) {
  now_ += kEnd + 1h;
  EXPECT_FALSE(look(Duty::none));
  EXPECT_FALSE(closing_->next_look());
}

TEST_F(InviteClosingTest, DeputiesLeaveItToTheHostForAWhileAndDrawLots) {
  std::set<Duration> seen;
  const auto start = now_;
  for (int i = 0; i < 20; ++i) {
    closing_.emplace(random_);
    now_ = start;
    const auto due = due_within(48h, Duty::deputy);
    ASSERT_TRUE(due);
    EXPECT_GE(*due, kEnd + InviteClosing::kDeputyWait);
    EXPECT_LE(*due, kEnd + 1ms + InviteClosing::kDeputyWait + InviteClosing::kDeputyLots);
    seen.insert(*due);
  }
  EXPECT_GT(seen.size(), 15u);
}

TEST_F(InviteClosingTest, AnotherWhoIsFasterSpares) {
  now_ += kEnd + 1ms;
  ASSERT_FALSE(look(Duty::deputy));
  close();
  EXPECT_FALSE(due_within(100h, Duty::deputy));
  EXPECT_FALSE(closing_->next_look());
}

TEST_F(InviteClosingTest, ASpentInviteStaysForWhoeverMustJoinAgain) {
  add_invite(1, 20h);
  EXPECT_FALSE(due_within(1h));
  join_by_newest();
  const auto due = due_within(10h);
  ASSERT_TRUE(due);
  EXPECT_GE(*due, InviteClosing::kSpentStays);
  EXPECT_LE(*due, InviteClosing::kSpentStays + InviteClosing::kHostLots);
}

TEST_F(InviteClosingTest, OneRosterClosesAllAndTheNextIsNotSoonAfter) {
  for (int i = 0; i < 5; ++i)
    add_invite(1, 1h + i * 1min);
  ASSERT_TRUE(due_within(2h));
  close();
  closing_->on_signed(now_);
  const auto first = now_;
  int rosters = 0;
  while (due_within(1h)) {
    EXPECT_GE(now_ - first, InviteClosing::kSpacing);
    close();
    closing_->on_signed(now_);
    ++rosters;
  }
  EXPECT_EQ(rosters, 1) << "all others had ended by then";
  EXPECT_EQ(history_.ledger.invites().size(), 1u) << "the first one, of 24 h";
}

TEST_F(InviteClosingTest, AFailureIsTriedAgainEverMoreRarely) {
  ASSERT_TRUE(due_within(48h));
  std::vector<Duration> pauses;
  for (int i = 0; i < 12; ++i) {
    closing_->on_failed(now_);
    const auto pause = due_within(2h);
    ASSERT_TRUE(pause);
    pauses.push_back(*pause);
  }
  EXPECT_GE(pauses.front(), 1min);
  EXPECT_LE(pauses.front(), 2min);
  EXPECT_GE(pauses.back(), 30min);
  EXPECT_LE(pauses.back(), 1h);
}

TEST_F(InviteClosingTest, AClockThatIsSetIsNoticed) {
  EXPECT_FALSE(due_within(1h));
  clock_error_ = 25h;
  const auto due = due_within(1h);
  ASSERT_TRUE(due);
  EXPECT_LE(*due, InviteClosing::kLongestSleep + InviteClosing::kHostLots);
  clock_error_ = 0h;
  EXPECT_FALSE(look()) << "set back again";
}

TEST_F(InviteClosingTest, ADateFarAwayIsNoTrouble) {
  auto terms = history_.ledger.invites().begin()->second.terms;
  const auto keys = party::invite_keys(party::InviteSecret(random_.array<16>()), history_.made.id);
  terms = {keys.signing.public_key(), keys.box.public_key(), 1, 0,
           UnixTime(std::chrono::milliseconds((std::int64_t{1} << 62) - 1))};
  history_.add(party::sign_record(
      party::Invite{history_.made.root.public_key(), history_.ledger.roster_hash(), terms},
      history_.made.id, {&history_.made.root}));
  EXPECT_FALSE(look());
  EXPECT_LE(*closing_->next_look(), now_ + InviteClosing::kLongestSleep);
}

}  // namespace
}  // namespace lanrage::trust
