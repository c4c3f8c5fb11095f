// The Store over one SQLite file: WAL, synchronous=FULL, one writer thread with group commit.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/store.hpp"

namespace lanrage::store {

struct SqliteOptions {
  std::string path;  // created with mode 0600 when absent; its folder must exist
  std::string vfs;   // a registered SQLite VFS; empty: the system's
};

// A second opening of the same file, here or in another process, is refused. So is a file that is
// damaged, foreign, or written by a newer version; it is left as it is.
Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options, Executor executor);

}  // namespace lanrage::store
