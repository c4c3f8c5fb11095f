// A SQLite store in a folder of its own.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "store/sqlite/sqlite_store.hpp"
#include "unit/store/contract.hpp"

namespace lanrage::store::test {

// In memory where there is such a file system: no test here pulls the plug, and each commit syncs.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), R_OK | W_OK | X_OK) == 0;
    std::string pattern =
        ((usable ? memory : std::filesystem::temp_directory_path()) / "store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::string file(const char* name = "server.db") const { return (path_ / name).string(); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      out.push_back(entry.path().filename());
    std::ranges::sort(out);
    return out;
  }

 private:
  std::filesystem::path path_;
};

inline void run_sql(const std::string& file, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db);
  sqlite3_close(db);
}

class SqliteStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open(const std::string& vfs = {}) {
    return open_sqlite_store({folder_.file(), vfs}, loop_.executor());
  }
  Result<void> append(Store& store, const Append& append) {
    return loop_.wait([&](Completion done) { store.append(append, std::move(done)); });
  }
  Result<void> backup(Store& store, const std::string& path) {
    return loop_.wait([&](Completion done) { store.backup(path, std::move(done)); });
  }
  void write_file(std::string_view content) {
    std::ofstream(folder_.file(), std::ios::binary) << content;
  }
  std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  std::string content() { return content(folder_.file()); }

  TemporaryFolder folder_;
  Loop loop_;
};

}  // namespace lanrage::store::test
