#include "io/file_access.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
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

  // Whether the place is a folder or a file is found by trial: asking for it would reach the file
  // system behind a mount, which may be dead.
  void allow(const fs::path& path, std::uint64_t rights) {
    const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!place && (errno == ENOENT || errno == ENOTDIR)) return;  // nothing to allow
    const bool allowed = place && (add(place, rights & known_) ||
                                   (errno == EINVAL && add(place, rights & known_ & kOfFiles)));
    if (!allowed) skipped_.push_back({path, errno});
  }

  Result<void> enforce() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_landlock_restrict_self, fd_.get(), 0) != 0)
      return failed("confine access to files");
    return {};
  }

  std::vector<Confined::Skipped> take_skipped() { return std::move(skipped_); }

 private:
  bool add(const UniqueFd& place, std::uint64_t rights) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights;
    rule.parent_fd = place.get();
    return ::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  }

  std::uint64_t known_;
  UniqueFd fd_;
  std::vector<Confined::Skipped> skipped_;
};

bool lies_below(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

// Rights can't be taken away below a folder, so what is to be had of it is named one by one.
void add_all_but(const std::vector<fs::path>& closed, const fs::path& folder,
                 std::vector<fs::path>& out) {
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const auto& path = entry->path();
    std::error_code unknown;
    if (entry->is_symlink(unknown)) continue;  // what it leads to has a name of its own
    if (std::ranges::find(closed, path) != closed.end()) continue;
    if (std::ranges::any_of(closed, [&](const auto& each) { return lies_below(each, path); }))
      add_all_but(closed, path, out);
    else
      out.push_back(path);
  }
}

std::vector<fs::path> folders_of_the_system() {
  std::vector<fs::path> homes;
  std::error_code failure;
  for (const fs::path home : {"/home", "/root"}) {
    const auto real = fs::weakly_canonical(home, failure);  // elsewhere on some systems
    homes.push_back(failure ? home : real);
  }
  std::vector<fs::path> out;
  add_all_but(homes, "/", out);
  return out;
}

}  // namespace

Result<Confined> confine_files(const FileAccess& access) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return Confined{};  // not built in, or not switched on
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
  for (const auto& path : access.rewritable)
    allowed.emplace_back(path, kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate);
  for (const auto& path : access.writable)
    allowed.emplace_back(path, known & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE});
  for (const auto& [path, rights] : allowed)
    rules.allow(path, rights);
  if (auto enforced = rules.enforce(); !enforced) return std::unexpected(enforced.error());
  return Confined{true, rules.take_skipped()};
}

}  // namespace lanrage::io
