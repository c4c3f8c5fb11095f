#include "stun/transaction.hpp"

#include <gtest/gtest.h>

namespace lanrage::stun {
namespace {

using std::chrono::milliseconds;

const Endpoint kServer = *Endpoint::parse("203.0.113.1:3478");
const Instant kStart{std::chrono::seconds(100)};

TransactionId id_of(std::uint8_t n) {
  return {{n}};
}
Bytes success(const TransactionId& id) {
  return MessageBuilder(Method::binding, Class::success, id).fingerprint();
}

// Milliseconds after the first sending, of all that follow and of the end.
struct Course {
  std::vector<std::int64_t> sent_at;
  std::int64_t gave_up_at = 0;
};

Course course_of(const RetryPolicy& policy) {
  Transactions transactions(policy);
  Datagrams out;
  transactions.start(kStart, id_of(1), binding_request(id_of(1)), kServer, out);
  Course course;
  while (auto next = transactions.next_timeout()) {
    Datagrams again;
    auto given_up = transactions.on_timeout(*next, again);
    auto at = std::chrono::duration_cast<milliseconds>(*next - kStart).count();
    if (!again.empty()) {
      EXPECT_EQ(again[0].bytes, out[0].bytes);
      EXPECT_EQ(again[0].to, kServer);
      course.sent_at.push_back(at);
    }
    if (!given_up.empty()) course.gave_up_at = at;
  }
  EXPECT_EQ(transactions.size(), 0u);
  return course;
}

TEST(Transactions, RetransmitsAtDoublingIntervalsThenGivesUp) {
  const auto course = course_of({});
  EXPECT_EQ(course.sent_at, (std::vector<std::int64_t>{250, 750, 1750, 3750, 7750, 15750}));
  EXPECT_EQ(course.gave_up_at, 15750 + 16 * 250);
}

TEST(Transactions, MayKeepToItsFirstIntervalForSomeTime) {
  const auto course = course_of({milliseconds(250), 7, 9, 4});
  EXPECT_EQ(course.sent_at, (std::vector<std::int64_t>{250, 500, 750, 1000, 1500, 2500}));
  EXPECT_EQ(course.gave_up_at, 4750);
}

TEST(Transactions, NothingIsSentBeforeItsTime) {
  Transactions transactions;
  Datagrams out;
  transactions.start(kStart, id_of(1), binding_request(id_of(1)), kServer, out);
  EXPECT_TRUE(transactions.on_timeout(kStart + milliseconds(249), out).empty());
  EXPECT_EQ(out.size(), 1u);
}

TEST(Transactions, ResponseEndsItAndGivesTheRoundTrip) {
  Transactions transactions;
  Datagrams out;
  transactions.start(kStart, id_of(1), binding_request(id_of(1)), kServer, out);
  Bytes bytes = success(id_of(1));
  auto done = transactions.on_response(kStart + milliseconds(30), *MessageView::parse(bytes));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->sent_to, kServer);
  EXPECT_EQ(done->rtt, milliseconds(30));
  EXPECT_FALSE(transactions.on_response(kStart + milliseconds(31), *MessageView::parse(bytes)));
}

TEST(Transactions, NoRoundTripAfterARetransmission) {
  Transactions transactions;
  Datagrams out;
  transactions.start(kStart, id_of(1), binding_request(id_of(1)), kServer, out);
  transactions.on_timeout(kStart + milliseconds(250), out);
  Bytes bytes = success(id_of(1));
  auto done = transactions.on_response(kStart + milliseconds(260), *MessageView::parse(bytes));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->rtt, std::nullopt);
}

TEST(Transactions, OthersMessagesAreLeftAlone) {
  Transactions transactions;
  Datagrams out;
  transactions.start(kStart, id_of(1), binding_request(id_of(1)), kServer, out);
  Bytes other = success(id_of(2));
  EXPECT_FALSE(transactions.on_response(kStart, *MessageView::parse(other)));
  Bytes request = binding_request(id_of(1));  // our own, reflected
  EXPECT_FALSE(transactions.on_response(kStart, *MessageView::parse(request)));
  EXPECT_TRUE(transactions.contains(id_of(1)));
}

TEST(Transactions, SingleSendingWaitsTheLastWait) {
  Transactions transactions({milliseconds(100), 1, 5});
  Datagrams out;
  transactions.start(kStart, id_of(1), binding_request(id_of(1)), kServer, out);
  EXPECT_EQ(transactions.next_timeout(), kStart + milliseconds(500));
  EXPECT_EQ(transactions.on_timeout(kStart + milliseconds(500), out).size(), 1u);
  EXPECT_EQ(out.size(), 1u);
}

}  // namespace
}  // namespace lanrage::stun
