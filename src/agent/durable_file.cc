#include "agent/durable_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "agent/device_keys.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::agent {
namespace {

constexpr std::size_t kPart = 64 * 1024;

}  // namespace

Result<void> write_durably(const std::filesystem::path& path, std::string_view contents,
                           mode_t mode) {
  const auto written = io::write_durably(path, contents, mode);
  if (written) return {};
  const auto& trouble = written.error();
  return fail(StateErrc::unwritable,
              "cannot " + std::string(trouble.doing) + " " + trouble.path.string() + ": " +
                  std::strerror(trouble.error) + "; is the disk full or the folder read-only?");
}

// Not by a stream, whose buffer nobody wipes.
Result<std::optional<WipedString>> read_file(const std::filesystem::path& path) {
  const io::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  WipedString contents;
  for (ssize_t got = file ? 1 : -1; got != 0;) {
    if (got < 0 && errno != EINTR)
      return fail(StateErrc::unreadable, "cannot read " + path.string() + ": " +
                                             std::strerror(errno) +
                                             "; is it readable by this user?");
    const auto before = contents.size();
    contents.resize(before + kPart);
    got = ::read(file.get(), contents.data() + before, kPart);
    contents.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  return contents;
}

}  // namespace lanrage::agent
