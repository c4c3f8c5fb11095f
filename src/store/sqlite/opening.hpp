// From a path to connections that are ready for use.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/file_lock.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace lanrage::store {

struct SqliteFile {
  FileLock lock;
  std::unique_ptr<Database> writer;
  std::unique_ptr<Database> reader;
  std::unique_ptr<Database> checkpointing;
  std::string notice;
};

Result<SqliteFile> open_file(const SqliteOptions& options);

}  // namespace lanrage::store
