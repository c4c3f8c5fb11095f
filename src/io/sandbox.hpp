// What a process gives up for good before it listens to anybody: capabilities, files, system calls
// (docs/adr/0021).
#pragma once

#include "io/capabilities.hpp"
#include "io/file_access.hpp"
#include "io/log.hpp"
#include "io/syscall_filter.hpp"

namespace lanrage::io {

// That will be opened, where it is there.
struct NeededFile {
  std::filesystem::path path;
  bool written = false;  // else only read
};

struct Sandbox {
  std::vector<Capability> capabilities;  // that are needed
  FileAccess files;
  SyscallNeeds calls;
  std::vector<NeededFile> needed{};
};

// To be called before there are other threads. Keeps CAP_DAC_OVERRIDE where a writable folder is
// out of root's reach without it, and says so; for a needed file it isn't kept, which is an error.
// Logs what holds now. Errors: SandboxErrc; the process is then half shut in and should end.
Result<void> enter_sandbox(Sandbox sandbox, Log& log);

}  // namespace lanrage::io
