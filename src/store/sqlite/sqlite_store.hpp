// The Store over one SQLite file: WAL, synchronous=FULL, one writer thread with group commit, a
// second thread for checkpoints and a third for backups.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/sqlite/checkpointer.hpp"
#include "store/store.hpp"

namespace lanrage::store {

struct SqliteOptions {
  std::string path;   // created with mode 0600 when absent; its folder must exist
  std::string vfs{};  // a registered SQLite VFS; empty: the system's
  WalLimits wal{};
  int cache_kib = 65536;  // of pages the writer keeps in memory, at most
};

// A second opening of the same file, here or in another process, is refused. So is a file that is
// damaged, foreign, or written by a newer version; it is left as it is. An older one is copied to
// FILE.before-N first, then brought up to schema N.
Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options, Executor executor);

Result<StoreReport> check_sqlite_store(const std::string& path);

}  // namespace lanrage::store
