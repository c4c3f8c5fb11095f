#include "agent/durable_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device_keys.hpp"

namespace lanrage::agent {
namespace {

std::unexpected<Error> unwritable(const std::filesystem::path& path, const char* doing) {
  return fail(StateErrc::unwritable, std::string("cannot ") + doing + " " + path.string() + ": " +
                                         std::strerror(errno) +
                                         "; is the disk full or the folder read-only?");
}

bool write_all(int fd, std::string_view contents) {
  while (!contents.empty()) {
    const auto written = ::write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<void> write_durably(const std::filesystem::path& path, std::string_view contents,
                           mode_t mode) {
  auto temporary = path;
  temporary += ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return unwritable(temporary, "create");
  // Whatever the umask, and whoever left such a file behind.
  const bool written = ::fchmod(fd, mode) == 0 && write_all(fd, contents) && ::fsync(fd) == 0;
  if (::close(fd) != 0 || !written) return unwritable(temporary, "write");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return unwritable(path, "replace");
  // The rename itself lives in the folder.
  const int folder = ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

Result<std::optional<std::string>> read_file(const std::filesystem::path& path) {
  std::error_code missing;
  if (!std::filesystem::exists(path, missing)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string contents(std::istreambuf_iterator<char>(file), {});
  if (!file)
    return fail(StateErrc::unreadable, "cannot read " + path.string() + ": " +
                                           std::strerror(errno) + "; is it readable by this user?");
  return contents;
}

}  // namespace lanrage::agent
