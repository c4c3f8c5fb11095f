// What the kernel says that a process costs.
#pragma once

#include <chrono>
#include <cstddef>
#include <sys/types.h>

namespace lanrage::bench {

using Nanoseconds = std::chrono::nanoseconds;

// Time on a processor so far, of all threads of that process: its own code, its system calls, and
// the softirqs that ran in its context.
Nanoseconds cpu_of(pid_t process);
// The same for this process.
Nanoseconds own_cpu();
// Of the kernel's threads that run softirqs when there are too many for that, or poll devices.
Nanoseconds softirq_threads_cpu();
std::size_t resident_bytes(pid_t process);  // VmRSS

}  // namespace lanrage::bench
