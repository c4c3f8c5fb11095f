#include "io/core_dumps.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/unique_fd.hpp"

namespace lanrage::io {

void forbid_core_dumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // A handler is given the image whatever that limit says. With this filter it is an empty one, and
  // unlike the next flag it outlives an execve. Written first: it takes a process that is dumpable.
  if (const UniqueFd filter(::open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC)); filter)
    (void)!::write(filter.get(), "0", 1);
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace lanrage::io
