// One agent a state directory: two would be one device at two places, and overwrite each other's
// keys.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::agent {

// Held while the descriptor is open, so a killed agent's is free at once. Errors:
// StateErrc::in_use, unwritable.
Result<io::UniqueFd> lock_state(const std::filesystem::path& directory);

}  // namespace lanrage::agent
