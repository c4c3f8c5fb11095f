#include "io/private_files.hpp"

#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace lanrage::io {

std::expected<PrivateFiles, Unrepaired> make_files_private(
    const std::filesystem::path& folder,
    const std::function<bool(std::string_view name)>& kept_private) {
  constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
  PrivateFiles out;
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) return std::unexpected(Unrepaired{folder, errno});
  if (status.st_uid != ::geteuid()) out.foreign.push_back(folder);
  out.others_may_write = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool reachable = (status.st_mode & (S_IXGRP | S_IXOTH)) != 0;

  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const auto& path = entry->path();
    if (!kept_private(path.filename().string())) continue;
    // Not opened: a FIFO would let us wait.
    if (::lstat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) continue;
      return std::unexpected(Unrepaired{path, errno});
    }
    if (S_ISLNK(status.st_mode)) continue;
    if (status.st_uid != ::geteuid()) {
      out.foreign.push_back(path);
      continue;
    }
    if ((status.st_mode & kOthers) == 0) continue;
    if (::chmod(path.c_str(), status.st_mode & 07777 & ~kOthers) != 0)
      return std::unexpected(Unrepaired{path, errno});
    if (reachable && !S_ISDIR(status.st_mode)) out.exposed.push_back(path);
  }
  if (failed) return std::unexpected(Unrepaired{folder, failed.value()});
  return out;
}

}  // namespace lanrage::io
