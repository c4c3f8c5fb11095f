#include "store/sqlite/files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "store/store.hpp"

namespace lanrage::store {

namespace {

std::unexpected<Error> exists(const std::string& path) {
  return fail(Errc::file_exists, path + " exists: remove it, or name another file");
}

}  // namespace

Result<void> create_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  if (errno == EEXIST) return exists(path);
  return fail(Errc::storage_failed, "can't create " + path + ": " + std::strerror(errno) +
                                        "; its folder must exist and belong to the server's user");
}

Result<void> rename_to_new(const std::string& from, const std::string& to) {
  int status = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (status != 0 &&
      errno == EINVAL) {  // the file system can't do that: a hard link never replaces
    status = ::link(from.c_str(), to.c_str());
    if (status == 0) status = ::unlink(from.c_str());
  }
  if (status == 0) return sync_folder_of(to);
  if (errno == EEXIST) return exists(to);
  return fail(Errc::storage_failed,
              "can't rename " + from + " to " + to + ": " + std::strerror(errno));
}

Result<void> sync_folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool ok = fd >= 0 && ::fsync(fd) == 0;
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (ok) return {};
  return fail(Errc::storage_failed, "can't sync " + folder + ": " + std::strerror(reason));
}

void remove_database(const std::string& path) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"})
    ::unlink((path + suffix).c_str());
}

}  // namespace lanrage::store
