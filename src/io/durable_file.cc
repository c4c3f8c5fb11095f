#include "io/durable_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/unique_fd.hpp"

namespace lanrage::io {

bool write_all(int fd, std::string_view contents) {
  while (!contents.empty()) {
    const auto written = ::write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::expected<void, FileTrouble> write_durably(const std::filesystem::path& path,
                                               std::string_view contents, mode_t mode) {
  auto temporary = path;
  temporary += ".new";
  const auto trouble = [&](std::string_view doing, const std::filesystem::path& where) {
    FileTrouble out{doing, where, errno};
    ::unlink(temporary.c_str());
    return std::unexpected(std::move(out));
  };
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) return trouble("create", temporary);
  // Whatever the umask, and whoever left such a file behind.
  const bool written =
      ::fchmod(fd.get(), mode) == 0 && write_all(fd.get(), contents) && ::fsync(fd.get()) == 0;
  if (!written || ::close(fd.release()) != 0) return trouble("write", temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return trouble("replace", path);
  // The rename itself lives in the folder.
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return trouble("replace", path);
  return {};
}

}  // namespace lanrage::io
