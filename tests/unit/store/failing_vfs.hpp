// A SQLite VFS over the system's whose Nth write, sync or truncation fails, as a full or dying disk
// does.
#pragma once

namespace lanrage::store::test {

inline constexpr const char* kFailingVfs = "lanrage_failing";

enum class DiskFailure {
  once,       // one operation fails with an I/O error
  once_done,  // one operation is done, and fails all the same
  for_good,   // that one and all later ones
  full,       // no write that makes a file longer succeeds any more
  syncs,      // no sync succeeds any more, though it is done
};

void register_failing_vfs();
// The next `operations` succeed, the one after that fails. Negative: nothing fails.
void fail_after(int operations, DiskFailure kind = DiskFailure::once);
inline void fail_nothing() {
  fail_after(-1);
}
bool has_failed();  // since the last fail_after()

}  // namespace lanrage::store::test
