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
  Statement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }

  Result<bool> step();  // true: a row is there
  Result<void> run();   // for statements without rows
  std::string text(int column) const;
  Bytes blob(int column) const;
  std::int64_t integer(int column) const;

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_;
  int status_;
  int next_ = 1;
};

class Database {
 public:
  // `create`: the file may be absent. An empty `vfs` is the system's.
  static Result<std::unique_ptr<Database>> open(const std::string& path, const std::string& vfs,
                                                bool create);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  Result<void> execute(const char* sql);
  // Statements are prepared once and kept; at most one use of each text at a time.
  Statement prepare(const char* sql);
  bool in_transaction() const;
  int changes() const;  // rows changed by the last statement

 private:
  explicit Database(sqlite3* db) : db_(db) {}
  sqlite3* db_;
  std::map<std::string, sqlite3_stmt*, std::less<>> prepared_;
};

// Turns SQLite's result code into ours; the message says what to do.
Error database_error(sqlite3* db, int status);

}  // namespace lanrage::store
