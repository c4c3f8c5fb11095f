// A disk that fails: what was acknowledged is there, what was refused is not and never comes back,
// and only what the store itself called unknown may be either.
#include <array>
#include <map>
#include <set>

#include "unit/store/failing_vfs.hpp"
#include "unit/store/sqlite_fixture.hpp"

namespace lanrage::store::test {

namespace {

enum class Answer { none, stored, refused, unknown };

constexpr std::uint8_t kBursts = 6;
constexpr std::uint8_t kBurst = 4;  // writes given at once

SqliteOptions small_log(const std::string& file, const char* vfs) {
  SqliteOptions options;
  options.path = file;
  options.vfs = vfs;
  options.wal = {4, 12, 4, 24};  // checkpoints and fresh starts of the log within the workload
  return options;
}

// A burst appends to party 1 (as a server does: the next only when the last is answered), creates a
// party of its own, and adds two tokens; now and then a snapshot takes party 1's events along.
class Workload {
 public:
  explicit Workload(Loop& loop) : loop_(loop) {}

  void run(Store& store) {
    for (std::uint8_t burst = 1; burst <= kBursts; ++burst) {
      left_ = kBurst;
      append_next(store, burst);
      store.append(party_of(burst), note(parties_[burst]));
      for (const int half : {0, 1}) {
        const auto number = static_cast<std::uint8_t>(2 * burst + half);
        store.add_token(make_token(number, 5000), note(tokens_[number]));
      }
      if (burst % 3 == 0) snapshot(store);
      while (left_ > 0)
        loop_.run_one();
    }
  }

  void check(const std::string& file) {
    const auto store = open_sqlite_store({file, {}}, loop_.executor());
    ASSERT_TRUE(store) << store.error().message();
    const auto stored = (*store)->parties();
    ASSERT_TRUE(stored) << stored.error().message();
    std::map<std::uint8_t, StoredParty> by_number;
    for (const auto& party : *stored)
      by_number.emplace(party.row.id.bytes[0], party);

    const std::uint64_t seq = by_number.contains(1) ? by_number[1].seq : 0;
    EXPECT_GE(seq, acknowledged_);
    EXPECT_LE(seq, acknowledged_ + (unknown_ ? 1 : 0)) << "a refused append came back";
    if (by_number.contains(1)) {
      const auto& party = by_number[1];
      const std::uint64_t snapshot = party.snapshot ? party.snapshot->seq : 0;
      EXPECT_EQ(party.events.size(), seq - snapshot);
      EXPECT_EQ(party.peers.size(), seq);
      EXPECT_GE(snapshot, snapshot_);
    }
    for (std::uint8_t burst = 1; burst <= kBursts; ++burst)
      expect(parties_[burst], by_number.contains(static_cast<std::uint8_t>(100 + burst)), "party");

    std::set<std::uint8_t> tokens;
    for (const auto& token : *(*store)->tokens())
      tokens.insert(token.token_hash[0]);
    for (std::uint8_t n = 2; n < tokens_.size(); ++n)
      expect(tokens_[n], tokens.contains(n), "token");
  }

  bool any(Answer answer) const { return seen_.contains(answer); }

 private:
  static Answer answer_of(const Result<void>& result) {
    return result                                     ? Answer::stored
           : result.error().is(Errc::outcome_unknown) ? Answer::unknown
                                                      : Answer::refused;
  }
  static Append party_of(std::uint8_t burst) {
    auto append = make_append(static_cast<std::uint8_t>(100 + burst), 0, 3);
    append.changed = {make_peer(1), make_peer(2)};
    return append;
  }
  static void expect(Answer answer, bool there, const char* what) {
    if (answer == Answer::stored) EXPECT_TRUE(there) << "an acknowledged " << what << " is gone";
    if (answer == Answer::refused) EXPECT_FALSE(there) << "a refused " << what << " came back";
  }

  Completion note(Answer& answer) {
    return [this, &answer](Result<void> result) {
      answer = answer_of(result);
      seen_.insert(answer);
      --left_;
    };
  }

  void append_next(Store& store, std::uint8_t burst) {
    auto next = make_append(1, acknowledged_);
    next.changed = {make_peer(static_cast<std::uint8_t>(acknowledged_ + 1))};
    next.party.name = std::to_string(burst);
    store.append(next, [this](Result<void> result) {
      --left_;
      seen_.insert(answer_of(result));
      if (result || (result.error().is(Errc::conflict) && unknown_)) {
        ++acknowledged_;  // a conflict shows that the unknown one was written
        unknown_ = false;
      } else if (result.error().is(Errc::outcome_unknown)) {
        unknown_ = true;
      } else {
        EXPECT_FALSE(result.error().is(Errc::conflict));
      }
    });
  }

  void snapshot(Store& store) {
    if (acknowledged_ == 0) return;
    ++left_;
    const std::uint64_t seq = acknowledged_;
    store.put_snapshot(make_id<PartyId>(1), seq, Bytes(6000, 1), seq,
                       [this, seq](Result<void> result) {
                         --left_;
                         if (result) snapshot_ = seq;
                       });
  }

  Loop& loop_;
  int left_ = 0;
  std::uint64_t acknowledged_ = 0;  // events of party 1
  bool unknown_ = false;            // whether there may be one more
  std::uint64_t snapshot_ = 0;
  std::array<Answer, kBursts + 1> parties_{};
  std::array<Answer, 2 * kBursts + 2> tokens_{};
  std::set<Answer> seen_;
};

// What a server finds that starts after this process was killed: the log, without the index that
// other processes share while they live.
void copy_as_after_a_crash(const TemporaryFolder& from, const TemporaryFolder& to) {
  for (const char* name : {"server.db", "server.db-wal"})
    if (std::filesystem::exists(from.file(name)))
      std::filesystem::copy_file(from.file(name), to.file(name));
}

class DiskFailureTest : public ::testing::TestWithParam<DiskFailure> {};

}  // namespace

TEST_P(DiskFailureTest, NothingAcknowledgedIsLostAndNothingRefusedComesBack) {
  register_failing_vfs();
  bool failed = true;
  bool stored = false;
  bool not_stored = false;
  int operations = 0;
  for (; failed; ++operations) {
    SCOPED_TRACE("operation " + std::to_string(operations));
    ASSERT_LT(operations, 1000);
    Loop loop;
    const TemporaryFolder folder;
    const TemporaryFolder crashed;
    ASSERT_TRUE(open_sqlite_store(small_log(folder.file(), ""), loop.executor()));
    Workload workload(loop);
    {
      auto store = open_sqlite_store(small_log(folder.file(), kFailingVfs), loop.executor());
      ASSERT_TRUE(store);
      fail_after(operations, GetParam());
      workload.run(**store);
      failed = has_failed();
      EXPECT_TRUE((*store)->parties()) << "readers go on";
      copy_as_after_a_crash(folder, crashed);
      fail_nothing();
    }
    workload.check(crashed.file());
    workload.check(folder.file());
    if (::testing::Test::HasFailure()) return;
    stored |= workload.any(Answer::stored);
    not_stored |= workload.any(Answer::refused) || workload.any(Answer::unknown);
  }
  EXPECT_TRUE(stored);
  EXPECT_TRUE(not_stored);
  EXPECT_GT(operations, 20);
}

INSTANTIATE_TEST_SUITE_P(Kinds, DiskFailureTest,
                         ::testing::Values(DiskFailure::once, DiskFailure::once_done,
                                           DiskFailure::for_good, DiskFailure::full,
                                           DiskFailure::syncs));

// One failed operation alone leaves nothing unknown.
TEST_F(SqliteStoreTest, FindsOutThatACommitWhoseSyncFailedIsNotThere) {
  register_failing_vfs();
  auto store = open(kFailingVfs);
  ASSERT_TRUE(store);
  ASSERT_TRUE(append(**store, make_append(1, 0)));
  for (int operations = 0; operations < 20; ++operations) {
    fail_after(operations, DiskFailure::once_done);
    const std::uint64_t seq = (*store)->party(make_id<PartyId>(1))->value().seq;
    const auto result = append(**store, make_append(1, seq));
    EXPECT_EQ(result.has_value(), !has_failed());
    if (!result) {
      EXPECT_TRUE(result.error().is(Errc::storage_failed)) << result.error().message();
    }
  }
  fail_nothing();
}

TEST_F(SqliteStoreTest, SaysSoWhenItCanNotFindOut) {
  register_failing_vfs();
  auto store = open(kFailingVfs);
  ASSERT_TRUE(store);
  ASSERT_TRUE(append(**store, make_append(1, 0)));
  fail_after(0, DiskFailure::syncs);
  const auto unknown = append(**store, make_append(1, 1));
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().is(Errc::outcome_unknown)) << unknown.error().message();
  fail_nothing();
  EXPECT_TRUE(append(**store, make_append(1, 1))) << "the next append tells";
  EXPECT_EQ((*store)->counters().failures, 1u);
}

TEST_F(SqliteStoreTest, GoesOnWhenAFullDiskHasRoomAgain) {
  register_failing_vfs();
  auto store = open(kFailingVfs);
  ASSERT_TRUE(store);
  ASSERT_TRUE(append(**store, make_append(1, 0)));
  fail_after(0, DiskFailure::full);
  const auto refused = append(**store, make_append(1, 1));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::storage_failed));
  EXPECT_NE(refused.error().message().find("no room left on the disk"), std::string::npos);
  EXPECT_EQ((*store)->party(make_id<PartyId>(1))->value().seq, 1u) << "readers go on";
  EXPECT_NE((*store)->counters().failing.value_or("").find("no room left"), std::string::npos);
  EXPECT_TRUE(append(**store, make_append(1, 1))) << "the log was moved: it has room of its own";
  fail_nothing();
  EXPECT_TRUE(append(**store, make_append(1, 2)));
  EXPECT_FALSE((*store)->counters().failing);
}

TEST_F(SqliteStoreTest, ABackupThatFailsLeavesNoFile) {
  register_failing_vfs();
  {
    auto store = open();
    ASSERT_TRUE(store);
    ASSERT_TRUE(append(**store, make_append(1, 0, 20)));
  }
  for (const DiskFailure kind : {DiskFailure::once, DiskFailure::for_good, DiskFailure::full}) {
    bool failed = true;
    for (int operations = 0; failed; ++operations) {
      ASSERT_LT(operations, 500);
      auto store = open(kFailingVfs);
      ASSERT_TRUE(store);
      fail_after(operations, kind);
      const auto written = backup(**store, folder_.file("copy.db"));
      failed = has_failed();
      fail_nothing();
      store->reset();
      EXPECT_EQ(folder_.names(),
                written ? (std::vector<std::string>{"copy.db", "server.db", "server.db.lock"})
                        : (std::vector<std::string>{"server.db", "server.db.lock"}));
      if (!failed) {
        EXPECT_TRUE(written);
      }
      if (written) {
        EXPECT_TRUE(open_sqlite_store({folder_.file("copy.db"), {}}, loop_.executor()));
        for (const char* name : {"copy.db", "copy.db.lock"})
          std::filesystem::remove(folder_.file(name));
      }
    }
  }
}

}  // namespace lanrage::store::test
