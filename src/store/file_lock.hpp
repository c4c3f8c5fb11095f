// A lock on a file for a process's lifetime; the kernel lets it go when the process dies.
#pragma once

#include <string>
#include <utility>

#include "base/result.hpp"
#include "store/store.hpp"

namespace lanrage::store {

class FileLock {
 public:
  // Creates `path` (mode 0600) when absent. Errors: already_open when another holder exists.
  static Result<FileLock> take(const std::string& path);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace lanrage::store
