// For OpenSSL calls that fail only by our own bug or for want of memory. Private to crypto/.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace lanrage::crypto {

inline void check(bool ok, std::source_location where = std::source_location::current()) {
  if (ok) return;
  std::fprintf(stderr, "fatal: OpenSSL call failed at %s:%u\n", where.file_name(), where.line());
  std::abort();
}
inline void check(int result, std::source_location where = std::source_location::current()) {
  check(result > 0, where);
}

}  // namespace lanrage::crypto
