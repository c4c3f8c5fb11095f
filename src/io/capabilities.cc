#include "io/capabilities.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace lanrage::io {
namespace {

// 64 bits each, which the kernel takes in halves.
struct Sets {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
};

using Halves = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

__user_cap_header_struct header() {
  return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
}

bool read_sets(Sets& out) {
  auto head = header();
  Halves halves{};
  if (::syscall(SYS_capget, &head, halves.data()) != 0) return false;
  for (std::size_t i = halves.size(); i-- > 0;) {
    out.effective = out.effective << 32 | halves[i].effective;
    out.permitted = out.permitted << 32 | halves[i].permitted;
    out.inheritable = out.inheritable << 32 | halves[i].inheritable;
  }
  return true;
}

bool write_sets(const Sets& sets) {
  auto head = header();
  Halves halves{};
  for (std::size_t i = 0; i < halves.size(); ++i) {
    halves[i].effective = static_cast<std::uint32_t>(sets.effective >> 32 * i);
    halves[i].permitted = static_cast<std::uint32_t>(sets.permitted >> 32 * i);
    halves[i].inheritable = static_cast<std::uint32_t>(sets.inheritable >> 32 * i);
  }
  return ::syscall(SYS_capset, &head, halves.data()) == 0;
}

constexpr std::uint64_t bit(Capability capability) {
  return std::uint64_t{1} << capability;
}

std::uint64_t bits(const std::vector<Capability>& capabilities) {
  std::uint64_t out = 0;
  for (const Capability each : capabilities)
    out |= bit(each);
  return out;
}

std::unexpected<Error> failed() {
  return fail(SandboxErrc::capabilities,
              std::string("can't give up capabilities: ") + std::strerror(errno));
}

}  // namespace

Result<void> keep_capabilities(const std::vector<Capability>& kept) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed();
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const auto wanted = bits(kept);
  // Without CAP_SETPCAP the bounding set stays as whoever started us made it. What it would let a
  // program of ours gain, no-new-privileges denies.
  for (Capability each = 0; ::prctl(PR_CAPBSET_READ, each, 0, 0, 0) >= 0; ++each)
    if ((wanted & bit(each)) == 0) ::prctl(PR_CAPBSET_DROP, each, 0, 0, 0);
  Sets sets;
  if (!read_sets(sets)) return failed();
  sets.permitted &= wanted;
  sets.effective = sets.permitted;
  sets.inheritable = 0;
  if (!write_sets(sets)) return failed();
  return {};
}

bool has_capability(Capability capability) {
  Sets sets;
  return read_sets(sets) && (sets.effective & bit(capability)) != 0;
}

bool can_use_with_only(const std::vector<Capability>& kept, const std::string& path, int how) {
  Sets before;
  if (!read_sets(before)) return false;
  Sets reduced = before;
  reduced.effective &= bits(kept);
  if (!write_sets(reduced)) return false;
  const bool usable = ::faccessat(AT_FDCWD, path.c_str(), how, AT_EACCESS) == 0;
  write_sets(before);
  return usable;
}

}  // namespace lanrage::io
