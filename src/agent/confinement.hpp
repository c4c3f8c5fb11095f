// What `lanrage daemon` needs of the machine; all else it gives up (docs/adr/0021).
#pragma once

#include <filesystem>

#include "agent/tunnel.hpp"
#include "io/sandbox.hpp"

namespace lanrage::agent {

// The folders must be there. Errors: SandboxErrc::files, where the socket's folder isn't the
// agent's own, since it will be writable.
Result<io::Sandbox> confinement(const std::filesystem::path& state_dir,
                                const std::filesystem::path& socket_dir, Backend backend);

}  // namespace lanrage::agent
