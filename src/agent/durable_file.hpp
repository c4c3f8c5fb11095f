// Files that are whole or untouched, whenever the machine stops.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace lanrage::agent {

// Temporary file beside `path` (mode 0600), fsync, rename, fsync of the folder. Errors: unwritable.
Result<void> write_durably(const std::filesystem::path& path, std::string_view contents);

// Nothing where there is no such file. Errors: unreadable.
Result<std::optional<std::string>> read_file(const std::filesystem::path& path);

}  // namespace lanrage::agent
