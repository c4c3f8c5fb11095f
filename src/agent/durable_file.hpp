// Files that are whole or untouched, whenever the machine stops.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>

#include "base/result.hpp"

namespace lanrage::agent {

inline constexpr mode_t kOursAlone = 0600;
inline constexpr mode_t kWorldReadable = 0644;

// Temporary file beside `path`, fsync, rename, fsync of the folder. Errors: unwritable.
Result<void> write_durably(const std::filesystem::path& path, std::string_view contents,
                           mode_t mode = kOursAlone);

// Nothing where there is no such file. Errors: unreadable.
Result<std::optional<std::string>> read_file(const std::filesystem::path& path);

}  // namespace lanrage::agent
