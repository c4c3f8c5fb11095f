// The folder with the agent's keys and parties: root's alone, or the agent doesn't start.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "io/log.hpp"

namespace lanrage::agent {

// Makes it where there is none. Key files that others could use are closed to them, which is
// logged: they may have read them. Errors: unwritable; unsafe, where another user can put keys of
// his own in the place of ours.
Result<void> open_state_directory(const std::filesystem::path& directory, io::Log& log);

}  // namespace lanrage::agent
