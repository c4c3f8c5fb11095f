#include "store/sqlite/sqlite_store.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/store/contract.hpp"
#include "unit/store/failing_vfs.hpp"

namespace lanrage::store::test {

namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file(const char* name = "server.db") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

class SqliteBackend final : public Backend {
 public:
  Result<std::unique_ptr<Store>> open(Executor executor) override {
    return open_sqlite_store({folder_.file(), {}}, std::move(executor));
  }
  std::string backup_path() override { return folder_.file("copy.db"); }
  Result<std::unique_ptr<Store>> open_backup(Executor executor) override {
    return open_sqlite_store({backup_path(), {}}, std::move(executor));
  }

 private:
  TemporaryFolder folder_;
};

class SqliteStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open(const std::string& vfs = {}) {
    return open_sqlite_store({folder_.file(), vfs}, loop_.executor());
  }
  void write_file(std::string_view content) {
    std::ofstream(folder_.file(), std::ios::binary) << content;
  }
  std::string content() {
    std::ifstream in(folder_.file(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void run_sql(const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(folder_.file().c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  TemporaryFolder folder_;
  Loop loop_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(BackendFactory([] {
                           return std::make_unique<SqliteBackend>();
                         })));

TEST_F(SqliteStoreTest, KeepsItsFilesFromOtherUsers) {
  auto store = open();
  ASSERT_TRUE(store);
  ASSERT_TRUE(
      loop_.wait([&](Completion done) { (*store)->append(make_append(1, 0), std::move(done)); }));
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status{};
    ASSERT_EQ(::stat((folder_.file() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(SqliteStoreTest, RefusesASecondServerOnTheSameDatabase) {
  auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(Errc::already_open));
  first->reset();
  EXPECT_TRUE(open());
}

TEST_F(SqliteStoreTest, RefusesANewerDatabaseAndLeavesItAlone) {
  ASSERT_TRUE(open());
  run_sql("PRAGMA user_version = 99");
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::database_newer));
  run_sql("PRAGMA user_version = 2");
  EXPECT_TRUE(open());
}

TEST_F(SqliteStoreTest, RefusesAnotherProgramsDatabase) {
  run_sql("CREATE TABLE cats (name TEXT)");
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::database_foreign));
}

TEST_F(SqliteStoreTest, NeverReplacesADamagedDatabase) {
  for (const std::string_view damaged : {"", "not a database, but long enough to look at"}) {
    write_file(damaged);
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(Errc::database_corrupt)) << refused.error().message();
    EXPECT_NE(refused.error().message().find("restore a backup"), std::string::npos);
    EXPECT_EQ(content(), damaged);
  }
}

TEST_F(SqliteStoreTest, NoticesAPageThatWasOverwritten) {
  {
    auto store = open();
    ASSERT_TRUE(store);
    for (std::uint64_t i = 0; i < 64; ++i)
      ASSERT_TRUE(loop_.wait(
          [&](Completion done) { (*store)->append(make_append(1, i), std::move(done)); }));
  }
  std::string bytes = content();
  ASSERT_GT(bytes.size(), 3u * 4096);
  for (std::size_t i = 4096; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(0x5a);
  write_file(bytes);
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::database_corrupt)) << refused.error().message();
}

TEST_F(SqliteStoreTest, SaysWhatIsWrongWithAFolderThatIsNotThere) {
  const auto refused = open_sqlite_store({"/nonexistent/server.db", {}}, loop_.executor());
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::storage_failed));
  EXPECT_NE(refused.error().message().find("/nonexistent/server.db"), std::string::npos);
}

// Whatever operation fails, an acknowledged write is there afterwards and a refused one isn't half
// there.
TEST_F(SqliteStoreTest, SurvivesTheFailureOfAnyOneOperation) {
  register_failing_vfs();
  for (const bool for_good : {false, true}) {
    bool failed = true;
    for (int operations = 0; failed; ++operations) {
      SCOPED_TRACE("operation " + std::to_string(operations));
      TemporaryFolder folder;
      ASSERT_TRUE(open_sqlite_store({folder.file(), {}}, loop_.executor()));
      std::uint64_t acknowledged = 0;
      fail_after(operations, for_good);
      if (auto store = open_sqlite_store({folder.file(), kFailingVfs}, loop_.executor()))
        for (std::uint64_t i = 0; i < 4; ++i) {
          auto next = make_append(1, acknowledged);
          next.changed = {make_peer(static_cast<std::uint8_t>(i + 1))};
          if (loop_.wait([&](Completion done) { (*store)->append(next, std::move(done)); }))
            ++acknowledged;
        }
      failed = has_failed();
      fail_after(-1, false);

      auto store = open_sqlite_store({folder.file(), {}}, loop_.executor());
      ASSERT_TRUE(store) << store.error().message();
      const auto parties = (*store)->parties();
      ASSERT_TRUE(parties);
      const auto seq = parties->empty() ? 0 : parties->front().seq;
      EXPECT_GE(seq, acknowledged);
      EXPECT_EQ((*store)->events_since(make_id<PartyId>(1), 0)->size(), seq);
      if (!parties->empty()) {
        EXPECT_EQ(parties->front().peers.size(), seq);
      }
      ASSERT_LT(operations, 500);
    }
  }
}

// A process that dies at any moment has lost nothing that it acknowledged.
TEST_F(SqliteStoreTest, KeepsWhatItAcknowledgedWhenKilled) {
  for (int round = 0; round < 5; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe_ends[0]);
      Loop loop;
      auto store = open_sqlite_store({folder_.file(), {}}, loop.executor());
      if (!store) ::_exit(1);
      const auto parties = (*store)->parties();
      std::uint64_t seq = parties->empty() ? 0 : parties->front().seq;
      for (;; ++seq) {
        (*store)->append(make_append(1, seq), [&, next = seq + 1](Result<void> stored) {
          if (!stored || ::write(pipe_ends[1], &next, sizeof next) != sizeof next) ::_exit(1);
        });
        loop.run_one();
      }
    }
    ::close(pipe_ends[1]);
    std::uint64_t acknowledged = 0;
    std::uint64_t next = 0;
    const auto target = static_cast<std::uint64_t>(20 * (round + 1));
    while (acknowledged < target && ::read(pipe_ends[0], &next, sizeof next) == sizeof next)
      acknowledged = next;
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &next, sizeof next) == sizeof next)
      acknowledged = next;
    ::close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";

    auto store = open();
    ASSERT_TRUE(store) << store.error().message();
    const auto parties = (*store)->parties();
    ASSERT_EQ(parties->size(), 1u);
    EXPECT_GE(parties->front().seq, acknowledged);
    EXPECT_EQ((*store)->events_since(make_id<PartyId>(1), 0)->size(), parties->front().seq);
  }
}

TEST(OpenStore, SaysWhichStoresThereAre) {
  Loop loop;
  const auto postgres = open_store("postgresql://db/lanrage", loop.executor());
  ASSERT_FALSE(postgres);
  EXPECT_TRUE(postgres.error().is(Errc::unsupported_store));
  EXPECT_NE(postgres.error().message().find("sqlite:PATH"), std::string::npos);
  for (const char* bad : {"", "sqlite:", "mysql://x", "/var/lib/x.db"})
    EXPECT_TRUE(open_store(bad, loop.executor()).error().is(Errc::unsupported_store)) << bad;
}

}  // namespace lanrage::store::test
