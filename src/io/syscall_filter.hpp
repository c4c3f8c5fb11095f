// Which system calls a process may make: a seccomp filter.
#pragma once

#include "base/result.hpp"

namespace lanrage::io {

struct SyscallNeeds {
  bool executes = false;        // starts other programs, which the filter holds for as well
  bool packet_sockets = false;  // AF_PACKET
  bool bpf = false;
};

// What network programs use, and nothing else: a call that isn't listed fails with ENOSYS, as on an
// older kernel, so that whoever has another way takes it. For all threads that there are and will
// be. Errors: SandboxErrc::system_calls.
Result<void> filter_system_calls(const SyscallNeeds& needs);

// From now on bpf() reads and writes maps and does nothing else.
Result<void> forbid_bpf_programs();

}  // namespace lanrage::io
