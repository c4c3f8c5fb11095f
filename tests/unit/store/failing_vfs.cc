#include "unit/store/failing_vfs.hpp"

#include <atomic>
#include <cstring>
#include <new>
#include <sqlite3.h>

namespace lanrage::store::test {

namespace {

enum class Operation { write, sync, truncate };

std::atomic<int> left{-1};
std::atomic<DiskFailure> kind{DiskFailure::once};
std::atomic<bool> failed{false};

// `grows`: the operation makes the file longer.
bool fails_now(Operation operation, bool grows) {
  if (left < 0) return false;
  if (left > 0) {
    --left;
    return false;
  }
  if (kind == DiskFailure::full && !(operation == Operation::write && grows)) return false;
  if (kind == DiskFailure::syncs && operation != Operation::sync) return false;
  if (kind == DiskFailure::once || kind == DiskFailure::once_done) left = -1;
  failed = true;
  return true;
}

bool done_all_the_same() {
  return kind == DiskFailure::once_done || kind == DiskFailure::syncs;
}

struct File {
  sqlite3_file base;
  sqlite3_file* real;
};
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<File*>(file)->real;
}
sqlite3_vfs* system_vfs(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

bool would_grow(sqlite3_file* f, int size, sqlite3_int64 offset) {
  sqlite3_int64 now = 0;
  return real(f)->pMethods->xFileSize(real(f), &now) == SQLITE_OK && offset + size > now;
}

int file_write(sqlite3_file* f, const void* data, int size, sqlite3_int64 offset) {
  const bool fails = fails_now(Operation::write, would_grow(f, size, offset));
  if (fails && !done_all_the_same())
    return kind == DiskFailure::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  const int status = real(f)->pMethods->xWrite(real(f), data, size, offset);
  return fails ? SQLITE_IOERR_WRITE : status;
}
int file_sync(sqlite3_file* f, int flags) {
  const bool fails = fails_now(Operation::sync, false);
  if (fails && !done_all_the_same()) return SQLITE_IOERR_FSYNC;
  const int status = real(f)->pMethods->xSync(real(f), flags);
  return fails ? SQLITE_IOERR_FSYNC : status;
}
int file_truncate(sqlite3_file* f, sqlite3_int64 size) {
  if (fails_now(Operation::truncate, false)) return SQLITE_IOERR_TRUNCATE;
  return real(f)->pMethods->xTruncate(real(f), size);
}

const sqlite3_io_methods kMethods = {
    3,
    [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); },
    [](sqlite3_file* f, void* out, int size, sqlite3_int64 offset) {
      return real(f)->pMethods->xRead(real(f), out, size, offset);
    },
    file_write,
    file_truncate,
    file_sync,
    [](sqlite3_file* f, sqlite3_int64* size) {
      return real(f)->pMethods->xFileSize(real(f), size);
    },
    [](sqlite3_file* f, int lock) { return real(f)->pMethods->xLock(real(f), lock); },
    [](sqlite3_file* f, int lock) { return real(f)->pMethods->xUnlock(real(f), lock); },
    [](sqlite3_file* f, int* held) { return real(f)->pMethods->xCheckReservedLock(real(f), held); },
    [](sqlite3_file* f, int op, void* arg) {
      return real(f)->pMethods->xFileControl(real(f), op, arg);
    },
    [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); },
    [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); },
    [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
      return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
    },
    [](sqlite3_file* f, int offset, int n, int flags) {
      return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
    },
    [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); },
    [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); },
    [](sqlite3_file* f, sqlite3_int64 offset, int size, void** out) {
      return real(f)->pMethods->xFetch(real(f), offset, size, out);
    },
    [](sqlite3_file* f, sqlite3_int64 offset, void* page) {
      return real(f)->pMethods->xUnfetch(real(f), offset, page);
    },
};

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* wrapper = reinterpret_cast<File*>(file);
  wrapper->base.pMethods = nullptr;
  wrapper->real = reinterpret_cast<sqlite3_file*>(wrapper + 1);
  auto* system = system_vfs(vfs);
  const int status = system->xOpen(system, name, wrapper->real, flags, out_flags);
  if (wrapper->real->pMethods) wrapper->base.pMethods = &kMethods;
  return status;
}

}  // namespace

void register_failing_vfs() {
  static sqlite3_vfs vfs;
  if (vfs.zName) return;
  auto* system = sqlite3_vfs_find(nullptr);
  vfs = *system;
  vfs.zName = kFailingVfs;
  vfs.pNext = nullptr;
  vfs.pAppData = system;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + system->szOsFile;
  vfs.xOpen = open_file;
  // The others take the VFS only to know whose they are; the system's expect their own.
  vfs.xDelete = [](sqlite3_vfs* v, const char* name, int sync) {
    return system_vfs(v)->xDelete(system_vfs(v), name, sync);
  };
  vfs.xAccess = [](sqlite3_vfs* v, const char* name, int flags, int* out) {
    return system_vfs(v)->xAccess(system_vfs(v), name, flags, out);
  };
  vfs.xFullPathname = [](sqlite3_vfs* v, const char* name, int size, char* out) {
    return system_vfs(v)->xFullPathname(system_vfs(v), name, size, out);
  };
  sqlite3_vfs_register(&vfs, 0);
}

void fail_after(int operations, DiskFailure failure) {
  failed = false;
  kind = failure;
  left = operations;
}

bool has_failed() {
  return failed;
}

}  // namespace lanrage::store::test
