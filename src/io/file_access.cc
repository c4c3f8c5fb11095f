#include "io/file_access.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/capabilities.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::io {
namespace {

namespace fs = std::filesystem;

// Newer than Debian 12's header.
constexpr std::uint64_t kTruncate = std::uint64_t{1} << 14;

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                   LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
constexpr std::uint64_t kFirstVersion = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

std::uint64_t known_rights(long version) {
  std::uint64_t rights = kFirstVersion;
  if (version >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) rights |= kTruncate;
  return rights;
}

std::unexpected<Error> failed(const std::string& doing) {
  return fail(SandboxErrc::files, "can't " + doing + ": " + std::strerror(errno));
}

class Rules {
 public:
  explicit Rules(std::uint64_t known) : known_(known) {
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = known;
    fd_ = UniqueFd(static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  }

  bool made() const { return static_cast<bool>(fd_); }

  Result<void> allow(const fs::path& path, std::uint64_t rights) {
    const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!place) return {};  // nothing there, nothing to allow
    struct stat status{};
    if (::fstat(place.get(), &status) != 0) return failed("look at " + path.string());
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights & known_ & (S_ISDIR(status.st_mode) ? known_ : kOfFiles);
    rule.parent_fd = place.get();
    if (::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
      return failed("allow access to " + path.string());
    return {};
  }

  Result<void> enforce() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_landlock_restrict_self, fd_.get(), 0) != 0)
      return failed("confine access to files");
    return {};
  }

 private:
  std::uint64_t known_;
  UniqueFd fd_;
};

// Rights can't be taken away below a folder, so the root's folders are named one by one.
std::vector<fs::path> folders_of_the_system() {
  std::vector<fs::path> out;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator("/", failure))
    if (entry.path() != "/home" && entry.path() != "/root") out.push_back(entry.path());
  return out;
}

}  // namespace

Result<bool> confine_files(const FileAccess& access) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;  // not built in, or not switched on
  const auto known = known_rights(version);
  Rules rules(known);
  if (!rules.made()) return failed("confine access to files");
  std::vector<std::pair<fs::path, std::uint64_t>> allowed;
  for (const auto& path : folders_of_the_system())
    allowed.emplace_back(path, kRead);
  for (const auto& path : access.readable)
    allowed.emplace_back(path, kRead);
  for (const auto& path : access.executable)
    allowed.emplace_back(path, kRead | LANDLOCK_ACCESS_FS_EXECUTE);
  for (const auto& path : access.writable)
    allowed.emplace_back(path, known & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE});
  for (const auto& [path, rights] : allowed)
    if (auto done = rules.allow(path, rights); !done) return std::unexpected(done.error());
  if (auto enforced = rules.enforce(); !enforced) return std::unexpected(enforced.error());
  return true;
}

}  // namespace lanrage::io
