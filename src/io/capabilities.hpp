// Root's powers, one by one (capabilities(7)).
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace lanrage::io {

enum class SandboxErrc { capabilities, files, system_calls };
constexpr std::string_view name_of(SandboxErrc code) {
  switch (code) {
    case SandboxErrc::capabilities:
      return "sandbox_capabilities";
    case SandboxErrc::files:
      return "sandbox_files";
    case SandboxErrc::system_calls:
      return "sandbox_system_calls";
  }
  return "sandbox";
}

using Capability = unsigned;  // CAP_... of <linux/capability.h>

// Of the calling thread and those that it starts later, and of programs that they execute: none
// besides these (of which we keep what we have), and no way to get more.
Result<void> keep_capabilities(const std::vector<Capability>& kept);

// Whether the calling thread could use a file or folder (R_OK, W_OK, X_OK of access(2)) if it had
// none besides these.
bool can_use_with_only(const std::vector<Capability>& kept, const std::string& path, int how);

bool has_capability(Capability capability);  // effective

}  // namespace lanrage::io
