// Whom a member asks for records, how many at once, and when it asks anew.
#include "trust/gossip.hpp"

#include <algorithm>

#include "unit/trust/fixture.hpp"

namespace lanrage::trust {
namespace {

using namespace std::chrono_literals;

class GossipTest : public testing::Test {
 protected:
  GossipTest() {
    for (int i = 0; i < 4; ++i)
      longer_.state(host_, "host" + std::to_string(i));
    theirs_.emplace(longer_.ledger, longer_.log);
    other_.state(host_, "elsewhere");
    others_.emplace(other_.ledger, other_.log);
  }
  // In touch, with ids that sort in this order.
  void meet(std::uint8_t count) {
    std::set<PeerId> ids;
    for (std::uint8_t n = 0; n < count; ++n)
      ids.insert(peer(n));
    gossip_.set_peers(now_, ids);
    for (const auto& id : ids)
      gossip_.on_handshake(now_, id);
  }
  static PeerId peer(std::uint8_t n) {
    PeerId out;
    out.bytes[0] = n;
    return out;
  }
  // Whom the calls up to now made us ask from the beginning, in order.
  std::vector<std::uint8_t> asked() {
    read_sends();
    return std::exchange(begun_, {});
  }
  // Whether we asked for more, in the middle of a fetch.
  bool asked_for_more(std::uint8_t of) {
    read_sends();
    return more_.contains(of);
  }
  Gossip::News tell(std::uint8_t from, const GossipMessage& message) {
    return gossip_.on_datagram(now_, peer(from), encode(message), sends_);
  }
  // That it has the first `length` records of `log`, with all that leads there.
  void state(std::uint8_t from, const VerifiedLog& log, std::uint64_t length) {
    StateMessage out{keys_.newest_id(), log_.head(), keys_.newest_id(), {}};
    for (auto n = length + 1; n-- > 0;)
      out.heads.push_back(log.head_at(n));
    tell(from, out);
  }
  void state(std::uint8_t from) { state(from, *theirs_, theirs_->length()); }
  Gossip::News part(std::uint8_t from, std::uint64_t index) {
    const auto& record = theirs_->records()[index];
    return tell(from, PartMessage{index, static_cast<std::uint32_t>(record.size()), 0, record});
  }
  // All that it was asked for.
  Gossip::News deliver(std::uint8_t from) {
    Gossip::News news;
    for (auto index = log_.length(); index < theirs_->length(); ++index)
      news = part(from, index);
    return news;
  }
  // All that we lack from the first member, but the last record is another history's.
  void parts_of_two_histories() {
    auto record = theirs_->records().back();
    record.back() ^= 1;
    for (auto index = log_.length(); index + 1 < theirs_->length(); ++index)
      part(0, index);
    tell(0,
         PartMessage{theirs_->length() - 1, static_cast<std::uint32_t>(record.size()), 0, record});
  }
  void read_sends() {
    for (const auto& send : std::exchange(sends_, {})) {
      const auto message = decode_gossip(send.datagram);
      const auto* want = std::get_if<WantMessage>(&*message);
      const auto to = send.to.bytes[0];
      if (want == nullptr) continue;
      if (want->offset > 0) {
        more_.insert(to);
      } else {
        begun_.push_back(to);
        slow_[to] = 0;
      }
    }
  }
  // To `end`, as timeouts come; `busy` send a byte at a time meanwhile and never come to an end.
  void run_until(Instant end, const std::vector<std::uint8_t>& busy = {}) {
    while (now_ < end) {
      now_ = std::min(end, now_ + 200ms);
      for (const auto from : busy)
        tell(from, PartMessage{log_.length(), party::kMaxRecordSize, slow_[from]++, Bytes(1)});
      if (const auto due = gossip_.next_timeout(now_); due && *due <= now_)
        gossip_.on_timeout(now_, sends_);
      read_sends();
      if (const auto due = gossip_.next_timeout(now_)) EXPECT_GT(*due, now_) << "would spin";
    }
  }

  SeededRandom random_{5};
  Instant now_ = at(1'000'000);
  party::DeviceKeys host_ = make_device(random_);
  History longer_{random_, host_};
  History other_ = longer_;
  VerifiedLog log_{longer_.ledger, longer_.log};
  KeyRing keys_{longer_.made.id, longer_.key};
  Gossip gossip_{log_, keys_};
  std::optional<VerifiedLog> theirs_;  // ours and four more
  std::optional<VerifiedLog> others_;  // ours and another
  Gossip::Sends sends_;
  std::vector<std::uint8_t> begun_;
  std::set<std::uint8_t> more_;
  std::map<std::uint8_t, std::uint32_t> slow_;
};

using Asked = std::vector<std::uint8_t>;

// ---- how many at once

TEST_F(GossipTest, AMemberIsAskedForOneThingAtATime) {
  meet(1);
  state(0, *theirs_, 4);
  EXPECT_EQ(asked(), Asked{0});
  state(0, *theirs_, 5);
  state(0);
  EXPECT_TRUE(asked().empty());
}

TEST_F(GossipTest, NoMoreAreAskedAtOnceThanThereIsRoomFor) {
  static_assert(Gossip::kMaxFetches == 4);
  meet(9);
  for (std::uint8_t n = 0; n < 9; ++n)
    state(n);
  EXPECT_EQ(asked(), (Asked{0, 1, 2, 3}));
  // The others in their turn, before anybody is asked twice.
  EXPECT_TRUE(deliver(2).branch);
  run_until(now_ + 10ms);
  EXPECT_EQ(asked(), Asked{4});
  deliver(0);
  deliver(1);
  deliver(3);
  run_until(now_ + 10ms);
  EXPECT_EQ(asked(), (Asked{5, 6, 7}));
  deliver(6);
  run_until(now_ + 10ms);
  EXPECT_EQ(asked(), Asked{8});
  deliver(4);
  run_until(now_ + 10ms);
  EXPECT_EQ(asked(), Asked{2}) << "who was served first";
}

TEST_F(GossipTest, WhoeverNeverEndsMakesRoomForThoseWhoWait) {
  meet(5);
  for (std::uint8_t n = 0; n < 4; ++n)
    state(n);
  asked();
  const auto start = now_;
  run_until(start + 60s, {0, 1, 2, 3});
  EXPECT_TRUE(asked().empty()) << "nobody waits: they may go on";
  state(4);
  EXPECT_EQ(asked(), Asked{4}) << "at once";
}

TEST_F(GossipTest, WhoWaitsIsAskedWhenATurnEndsAndTheNextTurnIsTwiceAsLong) {
  meet(6);
  for (std::uint8_t n = 0; n < 5; ++n)
    state(n);
  asked();
  const auto start = now_;
  run_until(start + Gossip::kTurn - 200ms, {0, 1, 2, 3});
  EXPECT_TRUE(asked().empty());
  run_until(start + Gossip::kTurn, {0, 1, 2, 3});
  EXPECT_EQ(asked(), Asked{4});
  // 0 had to go, and comes back after a pause.
  state(4, log_, log_.length());
  run_until(now_ + Gossip::kRetry, {1, 2, 3});
  EXPECT_EQ(asked(), Asked{0});
  run_until(now_ + Gossip::kTurn + 1s, {0, 1, 2, 3});
  state(5);
  EXPECT_EQ(asked(), Asked{5});
  more_.clear();
  run_until(now_ + 4s, {0, 1, 2, 3});
  EXPECT_TRUE(asked_for_more(0));
  EXPECT_FALSE(asked_for_more(1)) << "whose turn it was to go";
}

// ---- whoever goes to another history

TEST_F(GossipTest, WhoeverLeavesAHistoryIsAskedForItsPresentOneAtOnce) {
  meet(1);
  state(0);
  EXPECT_EQ(asked(), Asked{0});
  part(0, log_.length());
  state(0, *others_, others_->length());
  EXPECT_EQ(asked(), Asked{0});
}

TEST_F(GossipTest, AHistoryThatGoesOnIsFetchedToItsFirstGoal) {
  meet(1);
  state(0, *theirs_, theirs_->length() - 1);
  part(0, log_.length());
  asked();
  state(0);
  EXPECT_TRUE(asked().empty()) << "what has come isn't asked for twice";
  part(0, log_.length() + 1);
  EXPECT_TRUE(part(0, log_.length() + 2).branch);
}

TEST_F(GossipTest, PartsOfTwoHistoriesAreAskedForAnewAtOnceWhereTheMemberSaysThatItChanged) {
  meet(1);
  const auto length = log_.length();
  StateMessage moved{keys_.newest_id(), {}, {}, {others_->head(), others_->head_at(length)}};
  moved.heads.front().length = theirs_->length() + 3;  // longer, by a point that tells nothing
  state(0);
  tell(0, moved);
  asked();
  parts_of_two_histories();
  run_until(now_ + 200ms);
  EXPECT_EQ(asked(), Asked{0});
}

TEST_F(GossipTest, PartsThatMakeNoBranchArentAskedForAgainAtOnce) {
  meet(1);
  state(0);
  asked();
  parts_of_two_histories();
  run_until(now_ + Gossip::kRetry - 200ms);
  EXPECT_TRUE(asked().empty());
  run_until(now_ + 200ms);
  EXPECT_EQ(asked(), Asked{0});
}

// Its new history goes to its disk before it says so; parts of that were here sooner.
TEST_F(GossipTest, WhoTurnsOutToHaveChangedItsHistoryIsAskedAtOnce) {
  meet(1);
  state(0);
  asked();
  parts_of_two_histories();
  state(0);
  EXPECT_TRUE(asked().empty()) << "it says the same, and lied";
  state(0, *others_, others_->length());
  EXPECT_EQ(asked(), Asked{0});
}

TEST_F(GossipTest, WhatIsAskedForInAnotherHistoryIsAnsweredByThePointThere) {
  meet(1);
  for (int i = 0; i < 40; ++i)
    other_.state(host_, "on" + std::to_string(i));
  const VerifiedLog mine(other_.ledger, other_.log);
  Gossip gossip(mine, keys_);
  gossip.set_peers(now_, {peer(0)});
  Gossip::Sends sends;
  const auto there = mine.length() - 3;  // not among those that any state has
  gossip.on_datagram(now_, peer(0), encode(WantMessage{{there, {}}, 0}), sends);
  ASSERT_EQ(sends.size(), 1u);
  const auto answer = decode_gossip(sends[0].datagram);
  const auto& heads = std::get<StateMessage>(*answer).heads;
  EXPECT_TRUE(std::ranges::count(heads, mine.head_at(there)) == 1);
}

}  // namespace
}  // namespace lanrage::trust
