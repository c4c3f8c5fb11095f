// Records of a member, part by part over a tunnel that loses and reorders.
#include "trust/record_fetch.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "party/limits.hpp"

namespace lanrage::trust {
namespace {

using State = RecordFetch::State;

Bytes record(std::size_t size, std::uint8_t fill) {
  return Bytes(size, fill);
}

// The member that is asked.
class Source {
 public:
  explicit Source(std::vector<Bytes> records) : records_(std::move(records)), heads_{HeadAt{}} {
    for (const auto& one : records_)
      heads_.push_back({heads_.size(), party::next_head(heads_.back().head, one)});
  }
  HeadAt head(std::size_t length) const { return heads_[length]; }
  HeadAt head() const { return heads_.back(); }
  const std::vector<Bytes>& records() const { return records_; }

  std::vector<PartMessage> answer(const WantMessage& want) const {
    EXPECT_EQ(want.after, heads_.at(want.after.length)) << "asked by another history";
    std::vector<PartMessage> out;
    std::size_t offset = want.offset;
    for (auto index = want.after.length; index < records_.size(); ++index, offset = 0)
      for (const auto& one = records_[index]; offset < one.size(); offset += kMaxPart) {
        if (out.size() == RecordFetch::kParts) return out;
        const auto end = std::min(offset + kMaxPart, one.size());
        out.push_back({index,
                       static_cast<std::uint32_t>(one.size()),
                       static_cast<std::uint32_t>(offset),
                       {one.begin() + static_cast<std::ptrdiff_t>(offset),
                        one.begin() + static_cast<std::ptrdiff_t>(end)}});
      }
    return out;
  }

 private:
  std::vector<Bytes> records_;
  std::vector<HeadAt> heads_;
};

// Until done or failed; each part is lost with this chance in percent, or comes out of order.
int run(RecordFetch& fetch, const Source& source, std::uint64_t loss, bool reorder) {
  SeededRandom random(3);
  Instant now{};
  int requests = 1;
  auto parts = source.answer(fetch.want());
  while (fetch.state() == State::going) {
    if (reorder)
      for (std::size_t i = 1; i < parts.size(); ++i)
        if (random.below(4) == 0) std::swap(parts[i - 1], parts[i]);
    bool again = false;
    for (const auto& part : parts)
      if (random.below(100) >= loss) again |= fetch.on_part(now, part);
    if (fetch.state() != State::going) break;
    if (!again) {
      now = fetch.next_timeout();
      again = fetch.on_timeout(now);
    }
    parts = again ? source.answer(fetch.want()) : std::vector<PartMessage>{};
    requests += again ? 1 : 0;
  }
  return requests;
}

TEST(RecordFetch, BringsRecordsOfAnySize) {
  const Source source({record(1, 1), record(party::kMaxRecordSize, 2), record(kMaxPart, 3),
                       record(kMaxPart + 1, 4), record(kMaxPart - 1, 5), record(1, 6)});
  RecordFetch fetch({}, source.head(0), source.head());
  run(fetch, source, 0, false);
  ASSERT_EQ(fetch.state(), State::done);
  EXPECT_EQ(fetch.take_records(), source.records());
}

TEST(RecordFetch, BeginsAfterWhatBothHave) {
  const Source source({record(5, 1), record(6, 2), record(7, 3)});
  RecordFetch fetch({}, source.head(1), source.head());
  EXPECT_EQ(fetch.want(), (WantMessage{source.head(1), 0}));
  run(fetch, source, 0, false);
  EXPECT_EQ(fetch.take_records(), (std::vector{source.records()[1], source.records()[2]}));
  EXPECT_EQ(fetch.after(), source.head(1));
}

TEST(RecordFetch, LossAndReorderingOnlyDelay) {
  std::vector<Bytes> records;
  for (std::uint8_t n = 0; n < 40; ++n)
    records.push_back(record(200 + std::size_t{n} * 150, n));
  const Source source(std::move(records));
  RecordFetch fetch({}, source.head(0), source.head());
  run(fetch, source, 10, true);
  ASSERT_EQ(fetch.state(), State::done);
  EXPECT_EQ(fetch.take_records(), source.records());
}

TEST(RecordFetch, ALostPartIsAskedForFromItsByte) {
  const Source source({record(3'000, 1)});
  RecordFetch fetch({}, source.head(0), source.head());
  const auto parts = source.answer(fetch.want());
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_FALSE(fetch.on_part({}, parts[0]));
  EXPECT_FALSE(fetch.on_part({}, parts[2])) << "doesn't follow";
  EXPECT_FALSE(fetch.on_part({}, parts[0])) << "twice";
  EXPECT_FALSE(fetch.on_timeout(fetch.next_timeout() - Duration(1)));
  EXPECT_TRUE(fetch.on_timeout(fetch.next_timeout()));
  EXPECT_EQ(fetch.want().offset, kMaxPart);
}

TEST(RecordFetch, WithoutAnswersItFailsInTheEnd) {
  const Source source({record(1, 1)});
  RecordFetch fetch({}, source.head(0), source.head());
  int requests = 1;
  auto now = fetch.next_timeout();
  for (; fetch.state() == State::going; now = fetch.next_timeout())
    requests += fetch.on_timeout(now) ? 1 : 0;
  EXPECT_EQ(fetch.state(), State::failed);
  EXPECT_EQ(requests, RecordFetch::kTries);
  EXPECT_FALSE(fetch.on_part(now, source.answer({source.head(0), 0})[0])) << "too late";
}

TEST(RecordFetch, HoldsNoMoreThanItsLimit) {
  RecordFetch fetch({}, {}, {1'000'000, {}});
  const Bytes bytes(kMaxPart, 1);
  std::size_t taken = 0;
  for (std::uint64_t index = 0; fetch.state() == State::going; ++index, taken += kMaxPart)
    fetch.on_part({}, {index, kMaxPart, 0, bytes});
  EXPECT_EQ(fetch.state(), State::failed);
  EXPECT_LE(taken, RecordFetch::kMaxBytes + kMaxPart);
}

TEST(RecordFetch, PartsOfTwoHistoriesMakeNoBranch) {
  const Source source({record(2'000, 1)});
  const Source other({record(2'000, 2)});
  RecordFetch fetch({}, source.head(0), source.head());
  fetch.on_part({}, other.answer({other.head(0), 0})[0]);
  fetch.on_part({}, source.answer({source.head(0), 0})[1]);
  EXPECT_EQ(fetch.state(), State::failed) << "it isn't what the member said that it has";
}

}  // namespace
}  // namespace lanrage::trust
