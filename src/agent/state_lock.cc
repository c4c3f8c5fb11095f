#include "agent/state_lock.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>

#include "agent/device_keys.hpp"

namespace lanrage::agent {

Result<io::UniqueFd> lock_state(const std::filesystem::path& directory) {
  const auto path = directory / "lock";
  io::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd)
    return fail(StateErrc::unwritable,
                "cannot open " + path.string() + ": " + std::strerror(errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK)
    return fail(StateErrc::in_use, "another lanrage agent runs on " + directory.string() +
                                       "; stop it first, or choose another --state-dir");
  return fail(StateErrc::unwritable, "cannot lock " + path.string() + ": " + std::strerror(errno));
}

}  // namespace lanrage::agent
