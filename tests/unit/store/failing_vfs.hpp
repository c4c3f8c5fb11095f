// A SQLite VFS over the system's whose Nth write, sync or truncation fails, as a full or dying disk
// does.
#pragma once

namespace lanrage::store::test {

inline constexpr const char* kFailingVfs = "lanrage_failing";

void register_failing_vfs();
// The next `operations` succeed, the one after that fails with SQLITE_IOERR and so does, when
// `for_good`, every later one. Negative: nothing fails.
void fail_after(int operations, bool for_good);
bool has_failed();  // since the last fail_after()

}  // namespace lanrage::store::test
