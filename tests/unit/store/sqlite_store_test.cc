#include <algorithm>
#include <sys/stat.h>

#include "unit/store/sqlite_fixture.hpp"

namespace lanrage::store::test {

namespace {

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
  run_sql(folder_.file(), "PRAGMA user_version = 99");
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::database_newer));
  run_sql(folder_.file(), "PRAGMA user_version = 2");
  EXPECT_TRUE(open());
}

TEST_F(SqliteStoreTest, RefusesAnotherProgramsDatabase) {
  run_sql(folder_.file(), "CREATE TABLE cats (name TEXT)");
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
