#include "agent/durable_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "agent/device_keys.hpp"

namespace lanrage::agent {

Result<void> write_durably(const std::filesystem::path& path, std::string_view contents,
                           mode_t mode) {
  const auto written = io::write_durably(path, contents, mode);
  if (written) return {};
  const auto& trouble = written.error();
  return fail(StateErrc::unwritable,
              "cannot " + std::string(trouble.doing) + " " + trouble.path.string() + ": " +
                  std::strerror(trouble.error) + "; is the disk full or the folder read-only?");
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
