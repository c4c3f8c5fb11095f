#include "path/check_list.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

const Endpoint kLan = at("192.168.1.9:5000");
const Endpoint kPublic = at("203.0.113.9:5000");

struct Checks : testing::Test {
  SeededRandom random{1};
  PeerId self{random.array<16>()};
  PeerId peer{random.array<16>()};
  CheckPassword password = random.array<16>();
  CheckList list{self, peer, {}, Tuning{}, random};
  Instant now = kStart;

  void tell() {
    std::vector<Candidate> candidates{{CandidateKind::host, kLan},
                                      {CandidateKind::server_reflexive, kPublic}};
    list.set_remote(now, candidates, password);
  }
  // Everything sent in that time, with when.
  std::vector<std::pair<Instant, SendDatagram>> run(ms duration) {
    std::vector<std::pair<Instant, SendDatagram>> sent;
    Instant end = now + duration;
    for (;;) {
      auto next = list.next_timeout();
      if (!next || *next > end) break;
      now = std::max(now, *next);
      Actions out;
      list.on_timeout(now, out);
      for (auto& action : all_of<SendDatagram>(out))
        sent.emplace_back(now, action);
    }
    now = end;
    return sent;
  }
  std::optional<CheckList::Answer> answer(const SendDatagram& check,
                                          PathState state = PathState::none) {
    auto request = *stun::MessageView::parse(check.bytes);
    Bytes bytes = make_check_response(request, at("203.0.113.1:1"), state, password);
    return list.on_response(now, check.to, *stun::MessageView::parse(bytes));
  }
};

TEST_F(Checks, AreOneEveryTwentyMillisecondsWithLowTtlOpenersFirst) {
  tell();
  auto sent = run(ms(10'000));
  ASSERT_GT(sent.size(), 10u);
  EXPECT_LT(sent.size(), 60u);
  for (std::size_t i = 1; i < sent.size(); ++i)
    EXPECT_GE(sent[i].first - sent[i - 1].first, ms(20));
  EXPECT_EQ(sent[0].second.to, kPublic) << "a LAN address needs no opener";
  EXPECT_EQ(sent[0].second.ttl, 3);
  EXPECT_FALSE(sent[1].second.ttl);
  EXPECT_EQ(sent[1].second.to, kLan) << "likeliest first";
}

TEST_F(Checks, GoOnForEverWithGrowingRests) {
  tell();
  run(ms(120'000));
  std::size_t later = run(ms(120'000)).size();
  EXPECT_GE(later, 6u);
  EXPECT_LE(later, 10u);
}

TEST_F(Checks, NeedAPassword) {
  list.on_check(now, kPublic);
  EXPECT_TRUE(run(ms(1'000)).empty());
  tell();
  EXPECT_FALSE(run(ms(1'000)).empty());
}

TEST_F(Checks, ACheckFromAnUnknownPlaceIsLearnedAndCheckedBack) {
  tell();
  run(ms(20'000));
  Endpoint elsewhere = at("203.0.113.9:6001");
  list.on_check(now, elsewhere);
  ASSERT_TRUE(list.find(elsewhere));
  EXPECT_EQ(list.find(elsewhere)->candidate.kind, CandidateKind::peer_reflexive);
  auto sent = run(ms(30));
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent[0].second.to, elsewhere);
}

TEST_F(Checks, PassBothWaysToCount) {
  tell();
  auto sent = run(ms(100));
  answer(sent[1].second);
  EXPECT_FALSE(list.is_valid(now, *list.find(kLan))) << "answered only";
  list.on_check(now, kLan);
  EXPECT_TRUE(list.is_valid(now, *list.find(kLan)));
  EXPECT_FALSE(list.is_valid(now + ms(12'001), *list.find(kLan))) << "too long ago";
  list.on_check(now, kPublic);
  EXPECT_FALSE(list.is_valid(now, *list.find(kPublic))) << "heard only";
}

TEST_F(Checks, ThePeersStateProvesTheOtherWayToo) {
  tell();
  auto sent = run(ms(100));
  answer(sent[1].second, PathState::direct);
  EXPECT_TRUE(list.is_valid(now, *list.find(kLan)));
}

TEST_F(Checks, ThreeMoreFollowTheFirstAnswer) {
  tell();
  auto sent = run(ms(70));
  answer(sent[1].second);
  int extra = 0;
  for (int i = 0; i < 20; ++i)
    for (auto& [when, check] : run(ms(25)))
      if (check.to == kLan) {
        ++extra;
        answer(check);
      }
  EXPECT_EQ(extra, 3);
}

TEST_F(Checks, AnswersFromElsewhereOrUnderAnotherPasswordAreRefused) {
  tell();
  auto check = run(ms(70))[1].second;
  auto request = *stun::MessageView::parse(check.bytes);
  Bytes forged = make_check_response(request, kLan, PathState::none, random.array<16>());
  EXPECT_FALSE(list.on_response(now, check.to, *stun::MessageView::parse(forged)));
  Bytes good = make_check_response(request, kLan, PathState::none, password);
  EXPECT_FALSE(list.on_response(now, kPublic, *stun::MessageView::parse(good)));
  EXPECT_TRUE(list.on_response(now, check.to, *stun::MessageView::parse(good)));
  EXPECT_FALSE(list.on_response(now, check.to, *stun::MessageView::parse(good))) << "twice";
}

TEST_F(Checks, TheWatchedPathIsKeptAliveAndCheckedFasterWhenLost) {
  tell();
  answer(run(ms(70))[1].second);
  run(ms(60'000));
  list.watch(now, kLan, ms(5'000));
  int answered = 0;
  for (int i = 0; i < 300; ++i)
    for (auto& [when, check] : run(ms(100)))
      if (check.to == kLan) {
        ++answered;
        answer(check);
      }
  EXPECT_GE(answered, 6);
  EXPECT_LE(answered, 12);
  EXPECT_EQ(list.watched_losses(), 0);
  std::size_t unanswered = run(ms(15'000)).size();
  EXPECT_GE(unanswered, 10u);
  EXPECT_GE(list.watched_losses(), 8);
}

TEST_F(Checks, OfThePeerStandForOursOnAnIdlePath) {
  const auto sent_in_a_minute = [&](bool peer_checks) {
    int sent = 0;
    for (int second = 0; second < 60; ++second) {
      if (peer_checks && second % 4 == 0) list.on_check(now, kLan);
      for (auto& [when, check] : run(ms(1'000))) {
        if (check.to != kLan) continue;
        ++sent;
        answer(check);
      }
    }
    return sent;
  };
  tell();
  sent_in_a_minute(false);
  list.watch(now, kLan, ms(5'000));
  EXPECT_GE(sent_in_a_minute(false), 12);
  EXPECT_LE(sent_in_a_minute(true), 8) << "one every 12 s to measure, and the rounds of all";
}

TEST_F(Checks, AnOutageIsForgottenWhenThePathIsBack) {
  tell();
  answer(run(ms(70))[1].second);
  list.watch(now, kLan, ms(5'000));
  run(ms(30'000));
  EXPECT_GT(list.find(kLan)->quality.loss(), 0.5);
  for (auto& [when, check] : run(ms(1'100)))
    if (check.to == kLan) answer(check);
  EXPECT_EQ(list.find(kLan)->quality.loss(), 0);
}

TEST_F(Checks, APathInUseThatIsCheckedSeldomKeepsItsQuality) {
  tell();
  run(ms(60'000));
  answer(run(ms(60'000)).back().second);
  list.watch(now, kLan, ms(20'000));
  for (int second = 0; second < 300; ++second)
    for (auto& [when, check] : run(ms(1'000)))
      if (check.to == kLan) answer(check);
  EXPECT_GE(list.find(kLan)->quality.samples(), 15u);
}

TEST_F(Checks, WhatLeftBeforeTheNatsLetItThroughIsNoLoss) {
  tell();
  const auto early = run(ms(900));
  ASSERT_GE(std::ranges::count(early, kLan, [](auto& sent) { return sent.second.to; }), 3);
  for (int tenth = 0; tenth < 20; ++tenth)
    for (auto& [when, check] : run(ms(100)))
      if (check.to == kLan) answer(check);
  EXPECT_GE(list.find(kLan)->quality.samples(), 3u);
  EXPECT_EQ(list.find(kLan)->quality.loss(), 0);
}

TEST_F(Checks, LearnedPathsAreBounded) {
  tell();
  for (std::uint16_t port = 1; port < 200; ++port)
    list.on_check(now, {kPublic.address, port});
  EXPECT_LE(list.paths().size(), 32u);
  EXPECT_TRUE(list.find(kLan)) << "listed ones stay";
}

TEST_F(Checks, TheSameListAgainDoesNotStartAnew) {
  tell();
  run(ms(60'000));
  EXPECT_FALSE(list.punching_hard(now));
  tell();
  EXPECT_FALSE(list.punching_hard(now));
  password = random.array<16>();
  tell();
  EXPECT_TRUE(list.punching_hard(now));
}

}  // namespace
}  // namespace lanrage::path
