// A SQLite connection and its statements, with errors as values.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "store/store.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace lanrage::store {

// One use of a prepared statement: bind in order, then step. Resets itself when it goes. The first
// failure sticks and is what step() and run() return.
class Statement {
 public:
  Statement(sqlite3* db, sqlite3_stmt* statement, int status)
      : db_(db), statement_(statement), status_(status) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& bind(std::string_view text);
  Statement& bind(ByteView blob);
  Statement& bind(std::int64_t value);
  Statement& bind(double value);
  Statement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }

  Result<bool> step();  // true: a row is there
  Result<void> run();   // for statements without rows
  std::string text(int column) const;
  Bytes blob(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  bool is_null(int column) const;

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_;
  int status_;
  int next_ = 1;
};

class Database {
 public:
  enum class Access { read_write, read_only };

  // The file must be there. An empty `vfs` is the system's.
  static Result<std::unique_ptr<Database>> open(const std::string& path, const std::string& vfs,
                                                Access access = Access::read_write);
  // For a file that nobody changes, in a folder that can't be written to.
  static Result<std::unique_ptr<Database>> open_immutable(const std::string& path);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  Result<void> execute(const char* sql);
  Result<void> run(const char* sql) { return prepare(sql).run(); }  // prepared once and kept
  // Statements are prepared once and kept; at most one use of each text at a time.
  Statement prepare(const char* sql);
  bool in_transaction() const;
  int changes() const;                 // rows changed by the last statement
  std::int64_t total_changes() const;  // rows changed through this connection
  int last_error() const;              // SQLite's extended code for the last call
  sqlite3* handle() { return db_; }

  // From now on wal_pages() tells how many pages the write-ahead log held after this connection's
  // last commit. SQLite's automatic checkpoints by this connection end with it.
  void watch_wal();
  int wal_pages() const { return wal_pages_; }
  // Passive; returns how many of the log's pages are in the database now, 0 when another one is in
  // its way.
  Result<int> checkpoint();

 private:
  explicit Database(sqlite3* db) : db_(db) {}
  sqlite3* db_;
  int wal_pages_ = 0;
  std::map<std::string, sqlite3_stmt*, std::less<>> prepared_;
};

// Turns SQLite's result code into ours; the message says what to do.
Error database_error(sqlite3* db, int status);

}  // namespace lanrage::store
