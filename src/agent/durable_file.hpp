// The agent's own files.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.hpp"
#include "base/wiped.hpp"
#include "io/durable_file.hpp"

namespace lanrage::agent {

// io::write_durably() with an error for players: unwritable.
Result<void> write_durably(const std::filesystem::path& path, std::string_view contents,
                           mode_t mode = io::kOursAlone);

// Nothing where there is no such file. Errors: unreadable.
Result<std::optional<WipedString>> read_file(const std::filesystem::path& path);

}  // namespace lanrage::agent
