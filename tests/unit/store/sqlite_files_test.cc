// The files around a SQLite store: the log's size, copies before migrations, backups, checks, and
// disks that are full or can't be written to.
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sqlite/schema.hpp"
#include "unit/store/sqlite_fixture.hpp"

namespace lanrage::store::test {

namespace {

class SqliteFilesTest : public SqliteStoreTest {
 protected:
  // A database as the first release left it.
  void write_schema_1() {
    run_sql(folder_.file(),
            std::string("PRAGMA journal_mode = WAL;") + kMigrations[0] +
                "PRAGMA application_id = " + std::to_string(kApplicationId) +
                "; PRAGMA user_version = 1;"
                "INSERT INTO settings VALUES ('incarnation', x'00112233445566778899aabbccddeeff');"
                "INSERT INTO relay_servers VALUES ('relay', '203.0.113.9', 51820, 'eu', 100, 200);"
                "INSERT INTO parties VALUES ('" +
                make_id<PartyId>(1).to_string() + "', 'LAN night', '" +
                make_id<PeerId>(1).to_string() +
                "', 1, 78, 500, 600);"
                "INSERT INTO party_events VALUES ('" +
                make_id<PartyId>(1).to_string() + "', 1, 'party_created', x'010203', 600);");
  }
  static std::uintmax_t size_of(const std::string& file) {
    std::error_code absent;
    const auto size = std::filesystem::file_size(file, absent);
    return absent ? 0 : size;
  }
  static unsigned mode_of(const std::string& file) {
    struct stat status{};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    return status.st_mode & 0777;
  }
  // Appends to party 1 from `seq` on, `count` times, 32 at a time; returns the log's largest size.
  std::uintmax_t write_much(Store& store, std::uint64_t seq, std::uint64_t count) {
    std::uintmax_t largest = 0;
    std::uint64_t given = 0;
    std::uint64_t answered = 0;
    while (answered < count) {
      for (; given < count && given < answered + 32; ++given) {
        auto next = make_append(1, seq + given);
        next.events[0].body.resize(3000);
        store.append(next, [&](Result<void> result) {
          EXPECT_TRUE(result) << result.error().message();
          ++answered;
        });
      }
      loop_.run_one();
      largest = std::max(largest, size_of(folder_.file("server.db-wal")));
    }
    return largest;
  }
  Result<StoreReport> check() { return check_store("sqlite:" + folder_.file()); }
};

constexpr std::uintmax_t kFrame = 4096 + 24;

// Runs `body` in a process of its own, which may change its user and its mounts. Exit statuses: 0
// passed, 77 not possible here.
template <class Body>
int run_apart(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
constexpr int kNotPossible = 77;

bool write_text(const char* file, const std::string& text) {
  const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  const bool ok =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) ::close(fd);
  return ok;
}

// A mount namespace of its own, with whatever rights that takes.
bool leave_mounts() {
  const std::string user = "0 " + std::to_string(::geteuid()) + " 1";
  const std::string group = "0 " + std::to_string(::getegid()) + " 1";
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
    return write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", user) &&
           write_text("/proc/self/gid_map", group);
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

}  // namespace

TEST_F(SqliteFilesTest, TheLogStaysBoundedUnderConstantLoad) {
  SqliteOptions options;
  options.path = folder_.file();
  options.wal = {20, 100, 40, 300};
  auto store = open_sqlite_store(options, loop_.executor());
  ASSERT_TRUE(store);
  const auto largest = write_much(**store, 0, 3000);
  // Past the hard limit the writer stops for a checkpoint, after the commit that took it there.
  EXPECT_LE(largest, (300 + 150) * kFrame);
  EXPECT_GE(size_of(folder_.file()), 3000u * 3000u / 2) << "much more was written than that";
  const auto counters = (*store)->counters();
  EXPECT_GT(counters.checkpoints, 0u);
  EXPECT_EQ(counters.checkpoint_failures, 0u);
  EXPECT_LE(counters.wal_bytes, largest);
  EXPECT_GT(counters.wal_bytes, 0u);
}

// As while another connection's checkpoint holds its lock, at byte 121 of the -shm file.
TEST_F(SqliteFilesTest, ACheckpointThatHasToWaitHasNotFailed) {
  SqliteOptions options;
  options.path = folder_.file();
  options.wal = {20, 100, 40, 300};
  auto store = open_sqlite_store(options, loop_.executor());
  ASSERT_TRUE(store);
  (void)write_much(**store, 0, 10);
  // Open until the store is gone: closing it would end the process's own locks on the file.
  const int index = ::open(folder_.file("server.db-shm").c_str(), O_RDWR | O_CLOEXEC);
  struct flock lock{
      .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 121, .l_len = 1, .l_pid = 0};
  ASSERT_EQ(::fcntl(index, F_OFD_SETLKW, &lock), 0);
  EXPECT_GT(write_much(**store, 10, 1000), 500 * kFrame) << "nothing was moved";
  EXPECT_EQ((*store)->counters().checkpoint_failures, 0u);
  lock.l_type = F_UNLCK;
  ASSERT_EQ(::fcntl(index, F_OFD_SETLK, &lock), 0);
  (void)write_much(**store, 1010, 500);
  EXPECT_LE(size_of(folder_.file("server.db-wal")), (300 + 150) * kFrame);
  store->reset();
  ::close(index);
}

TEST_F(SqliteFilesTest, TheLogShrinksAgainAfterALongRead) {
  SqliteOptions options;
  options.path = folder_.file();
  options.wal = {20, 100, 40, 300};
  auto store = open_sqlite_store(options, loop_.executor());
  ASSERT_TRUE(store);
  (void)write_much(**store, 0, 10);
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open(folder_.file().c_str(), &reader), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM parties", nullptr, nullptr, nullptr),
            SQLITE_OK);
  EXPECT_GT(write_much(**store, 10, 1000), 500 * kFrame) << "the reader's state stays in it";
  sqlite3_close(reader);
  (void)write_much(**store, 1010, 500);
  EXPECT_LE(size_of(folder_.file("server.db-wal")), (300 + 150) * kFrame);
}

TEST_F(SqliteFilesTest, CopiesAnOlderDatabaseBeforeItsMigration) {
  write_schema_1();
  {
    auto store = open();
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_EQ((*store)->notice(), folder_.file() +
                                      " was brought from schema 1 to 2; the database as it was "
                                      "is in " +
                                      folder_.file("server.db.before-2"));
    const auto party = (*store)->party(make_id<PartyId>(1))->value();
    EXPECT_EQ(party.seq, 1u);
    EXPECT_EQ(party.events.size(), 1u);
    const auto relays = *(*store)->relays();
    ASSERT_EQ(relays.size(), 1u);
    EXPECT_EQ(relays[0].capacity, 0u);
    EXPECT_TRUE(relays[0].endpoints.empty());
    ASSERT_TRUE(loop_.wait([&](Completion done) {
      (*store)->put_snapshot(make_id<PartyId>(1), 1, {1}, 1, std::move(done));
    }));
  }
  EXPECT_EQ(mode_of(folder_.file("server.db.before-2")), 0600u);
  const auto again = open();
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->notice(), "");

  // The copy is what was there, but for the incarnation: who goes back to it is another server.
  std::filesystem::rename(folder_.file("server.db.before-2"), folder_.file("old.db"));
  const auto report = check_sqlite_store(folder_.file("old.db"));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->schema, 1);
  EXPECT_EQ(report->events, 1u);
  EXPECT_TRUE(report->problems.empty());
  auto old = open_sqlite_store({folder_.file("old.db"), {}}, loop_.executor());
  ASSERT_TRUE(old);
  EXPECT_NE(*(*old)->setting(kIncarnation, {}), *(*again)->setting(kIncarnation, {}));
}

TEST_F(SqliteFilesTest, NeverReplacesAnEarlierCopy) {
  std::ofstream(folder_.file("server.db.before-2")) << "precious";
  write_schema_1();
  const auto store = open();
  ASSERT_TRUE(store);
  EXPECT_NE((*store)->notice().find("server.db.before-2.1"), std::string::npos);
  EXPECT_EQ(content(folder_.file("server.db.before-2")), "precious");
}

TEST_F(SqliteFilesTest, AMigrationThatFailsLeavesTheDatabaseAndNoCopy) {
  write_schema_1();
  run_sql(folder_.file(), "CREATE TABLE party_snapshots (x)");  // in step 2's way
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("can't bring the database up to schema 2"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("server.db.before-2")));
  run_sql(folder_.file(), "DROP TABLE party_snapshots");
  EXPECT_TRUE(open());
}

TEST_F(SqliteFilesTest, ABackupIsOnePrivateFile) {
  auto store = open();
  ASSERT_TRUE(store);
  ASSERT_TRUE(append(**store, make_append(1, 0)));
  ASSERT_TRUE(backup(**store, folder_.file("copy.db")));
  EXPECT_EQ(mode_of(folder_.file("copy.db")), 0600u);
  for (const auto& name : folder_.names())
    EXPECT_FALSE(name.starts_with("copy.db") && name != "copy.db") << name;
  EXPECT_TRUE(check_sqlite_store(folder_.file("copy.db"))->problems.empty());
}

TEST_F(SqliteFilesTest, ABackupSaysWhyItCanNotBeWritten) {
  auto store = open();
  ASSERT_TRUE(store);
  const auto refused = backup(**store, "/nonexistent/copy.db");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::storage_failed));
  EXPECT_NE(refused.error().message().find("/nonexistent/copy.db"), std::string::npos);
  EXPECT_TRUE(append(**store, make_append(1, 0)));
}

TEST_F(SqliteFilesTest, ABackupUnderWayEndsWithTheStore) {
  int answers = 0;
  {
    auto store = open();
    ASSERT_TRUE(store);
    (void)write_much(**store, 0, 500);
    for (const char* name : {"a.db", "b.db", "c.db"})
      (*store)->backup(folder_.file(name), [&](Result<void>) { ++answers; });
  }
  while (answers < 3)
    loop_.run_one();
  for (const auto& name : folder_.names())
    EXPECT_EQ(name.find("partial"), std::string::npos) << name;
}

TEST_F(SqliteFilesTest, ChecksADatabaseThatIsServedFrom) {
  auto store = open();
  ASSERT_TRUE(store);
  auto first = make_append(1, 0, 3);
  first.changed = {make_peer(1), make_peer(2)};
  ASSERT_TRUE(append(**store, first));
  ASSERT_TRUE(loop_.wait([&](Completion done) {
    (*store)->put_snapshot(make_id<PartyId>(1), 2, {1}, 2, std::move(done));
  }));
  ASSERT_TRUE(
      loop_.wait([&](Completion done) { (*store)->put_relay(make_relay("r"), std::move(done)); }));
  ASSERT_TRUE(loop_.wait(
      [&](Completion done) { (*store)->add_token(make_token(1, 5000), std::move(done)); }));
  for (const bool served : {true, false}) {
    SCOPED_TRACE(served);
    if (!served) store->reset();
    const auto report = check();
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->file, folder_.file());
    EXPECT_EQ(report->schema, report->newest_schema);
    EXPECT_EQ(report->parties, 1u);
    EXPECT_EQ(report->peers, 2u);
    EXPECT_EQ(report->events, 1u);
    EXPECT_EQ(report->snapshots, 1u);
    EXPECT_EQ(report->tokens, 1u);
    EXPECT_EQ(report->relays, 1u);
    EXPECT_TRUE(report->problems.empty()) << report->problems.front();
  }
  EXPECT_TRUE(open()) << "nothing was left in the way";
}

TEST_F(SqliteFilesTest, ACheckTellsWhatIsWrong) {
  {
    auto store = open();
    ASSERT_TRUE(store);
    auto first = make_append(1, 0, 3);
    first.changed = {make_peer(1)};
    ASSERT_TRUE(append(**store, first));
  }
  run_sql(folder_.file(), "DELETE FROM party_events WHERE seq = 2");
  auto report = check();
  ASSERT_TRUE(report);
  ASSERT_EQ(report->problems.size(), 1u);
  EXPECT_NE(report->problems[0].find("has gaps"), std::string::npos);

  run_sql(folder_.file(), "PRAGMA foreign_keys = OFF; DELETE FROM parties");
  report = check();
  ASSERT_TRUE(report);
  ASSERT_FALSE(report->problems.empty());
  EXPECT_NE(report->problems[0].find("belongs to no row of parties"), std::string::npos);

  std::string bytes = content();
  std::fill(bytes.begin() + 3 * 4096, bytes.end(), 'Z');
  write_file(bytes);
  report = check();
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->problems.empty());
  EXPECT_LE(report->problems.size(), 20u);
  EXPECT_EQ(content(), bytes) << "a check changes nothing";
}

TEST_F(SqliteFilesTest, ACheckRefusesWhatItCanNotRead) {
  EXPECT_TRUE(check().error().is(Errc::storage_failed)) << "absent";
  write_file("not a database, but long enough to look at");
  EXPECT_TRUE(check().error().is(Errc::database_corrupt));
  std::filesystem::remove(folder_.file());
  run_sql(folder_.file(), "CREATE TABLE cats (name TEXT)");
  EXPECT_TRUE(check().error().is(Errc::database_foreign));
  std::filesystem::remove(folder_.file());
  ASSERT_TRUE(open());
  run_sql(folder_.file(), "PRAGMA user_version = 99");
  EXPECT_TRUE(check().error().is(Errc::database_newer));
  EXPECT_TRUE(check_store("mysql://x").error().is(Errc::unsupported_store));
}

TEST_F(SqliteFilesTest, ADatabaseThatCanOnlyBeReadIsCheckedButNotServedFrom) {
  ASSERT_TRUE(open());
  std::filesystem::remove(folder_.file("server.db.lock"));
  ASSERT_EQ(::chmod(folder_.file().c_str(), 0444), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0555), 0);
  const int status = run_apart([&] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return kNotPossible;
    const auto report = check();
    if (!report) {
      std::fprintf(stderr, "%s\n", report.error().message().c_str());
      return 1;
    }
    if (!report->problems.empty()) return 4;
    const auto refused = open();
    if (refused || !refused.error().is(Errc::storage_failed)) return 2;
    return refused.error().message().find(folder_.file()) != std::string::npos ? 0 : 3;
  });
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  if (status == kNotPossible) GTEST_SKIP() << "root can't become another user here";
  EXPECT_EQ(status, 0);
}

// A real file system without room: what was acknowledged stays, and work goes on when there is
// room.
TEST_F(SqliteFilesTest, AFullDiskLosesNothing) {
  const int status = run_apart([&] {
    if (!leave_mounts() ||
        ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=1m,mode=700") != 0)
      return kNotPossible;
    std::uint64_t seq = 0;
    {
      auto store = open();
      if (!store) return 1;
      const auto next = [&] {
        auto append = make_append(1, seq);
        append.events[0].body.resize(20'000);
        return this->append(**store, append);
      };
      std::ofstream(folder_.file("ballast")) << std::string(300'000, 'x') << std::flush;
      auto stored = next();
      for (; stored; stored = next())
        if (++seq > 1000) return 2;
      if (!stored.error().is(Errc::storage_failed)) return 3;
      if (seq == 0 || (*store)->party(make_id<PartyId>(1))->value().seq != seq) return 4;
      if (next()) return 5;
      std::filesystem::remove(folder_.file("ballast"));
      if (!next()) return 6;
      ++seq;
    }
    auto store = open();
    if (!store) return 7;
    const auto party = (*store)->party(make_id<PartyId>(1))->value();
    return party.seq == seq && party.events.size() == seq ? 0 : 8;
  });
  if (status == kNotPossible) GTEST_SKIP() << "no mount namespace to be had here";
  EXPECT_EQ(status, 0);
}

}  // namespace lanrage::store::test
