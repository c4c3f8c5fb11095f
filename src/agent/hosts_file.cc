#include "agent/hosts_file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "base/bytes.hpp"
#include "io/durable_file.hpp"
#include "lan/hosts_text.hpp"

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

constexpr int kMostTries = 5;   // against whoever replaces the file each time
constexpr int kLockTries = 40;  // kLockPause apart
constexpr auto kLockPause = 50ms;
constexpr std::string_view kMagic = "lanrage hosts 1\n";

// Nothing: errno says why.
std::optional<std::string> read_all(int fd) {
  std::string out;
  for (;;) {
    const auto before = out.size();
    out.resize(before + 64 * 1024);
    const auto got =
        ::pread(fd, out.data() + before, out.size() - before, static_cast<off_t>(before));
    out.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return out;
    if (got < 0 && errno != EINTR) return std::nullopt;
    if (out.size() > HostsFile::kMostBytes) return out;
  }
}

bool write_at(int fd, std::string_view text, std::size_t offset) {
  return ::lseek(fd, static_cast<off_t>(offset), SEEK_SET) >= 0 && io::write_all(fd, text);
}

bool lock(int fd) {
  for (int i = 0; i < kLockTries; ++i) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return true;  // no locks there: nobody else has one
    std::this_thread::sleep_for(kLockPause);
  }
  return false;
}

// Some of the new bytes were written over the old ones; zeros are what a file system may leave of
// bytes that it hadn't written yet.
bool is_mixture(std::string_view found, std::string_view before, std::string_view after) {
  if (found.size() > std::max(before.size(), after.size())) return false;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool known = (i < before.size() && found[i] == before[i]) ||
                       (i < after.size() && found[i] == after[i]) || found[i] == '\0';
    if (!known) return false;
  }
  return true;
}

}  // namespace

// From the first byte that differs to the end.
struct HostsFile::Change {
  std::size_t offset = 0;
  std::string before, after;

  static Change between(std::string_view before, std::string_view after) {
    const auto offset =
        static_cast<std::size_t>(std::ranges::mismatch(before, after).in1 - before.begin());
    return {offset, std::string(before.substr(offset)), std::string(after.substr(offset))};
  }
  Bytes encode() const {
    ByteWriter out;
    out.text(kMagic).u64(offset).u64(before.size()).text(before).u64(after.size()).text(after);
    return std::move(out).take();
  }
  static std::optional<Change> decode(ByteView bytes) {
    ByteReader reader(bytes);
    if (as_text(reader.take(kMagic.size())) != kMagic) return std::nullopt;
    Change out;
    out.offset = reader.u64();
    out.before = as_text(reader.take(reader.u64()));
    out.after = as_text(reader.take(reader.u64()));
    return reader.at_end() ? std::optional(std::move(out)) : std::nullopt;
  }
};

std::unexpected<Error> HostsFile::failed(HostsErrc code, const std::string& doing) const {
  return fail(code, "cannot " + doing + " " + path_.string() + ": " + std::strerror(errno));
}

Result<void> HostsFile::set(std::string_view id, const lan::NameTable& names) {
  if (auto finished = finish_cut_change(); !finished) return finished;
  for (int i = 0; i < kMostTries; ++i) {
    auto done = set_once(id, names);
    if (!done) return std::unexpected(done.error());
    if (*done) return {};
  }
  return fail(HostsErrc::busy, "another program keeps replacing " + path_.string());
}

Result<bool> HostsFile::set_once(std::string_view id, const lan::NameTable& names) {
  // Without waiting for the other end of a pipe that somebody put there.
  constexpr int kHow = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  io::UniqueFd file(::open(path_.c_str(), O_RDWR | kHow));
  const int unwritable = file ? 0 : errno;
  if (!file) file = io::UniqueFd(::open(path_.c_str(), O_RDONLY | kHow));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    if (names.empty() && errno == ENOENT) return true;
    return failed(HostsErrc::unreadable, "read");
  }
  if (!S_ISREG(status.st_mode))
    return fail(HostsErrc::not_text, path_.string() + " is no regular file");
  if (unwritable == 0 && !lock(file.get()))
    return fail(HostsErrc::busy, "another program has " + path_.string() + " locked");
  const auto before = read_all(file.get());
  if (!before) return failed(HostsErrc::unreadable, "read");
  if (before->size() > kMostBytes)
    return fail(HostsErrc::too_large,
                path_.string() + " is larger than " + std::to_string(kMostBytes >> 20) + " MiB");
  if (before->contains('\0')) return fail(HostsErrc::not_text, path_.string() + " isn't text");
  const auto after = lan::with_hosts_block(*before, id, names);
  if (after == *before) return true;
  errno = unwritable;
  if (unwritable != 0) return failed(HostsErrc::unwritable, "write");
  // A service's own mount of a file that the others have replaced.
  if (status.st_nlink == 0)
    return fail(HostsErrc::replaced, path_.string() +
                                         " was replaced by another file, which this service can't "
                                         "see; restart it");
  if (auto written = write(file.get(), Change::between(*before, after)); !written)
    return std::unexpected(written.error());
  struct stat now{};
  return ::stat(path_.c_str(), &now) != 0 ||
         (now.st_ino == status.st_ino && now.st_dev == status.st_dev);
}

Result<void> HostsFile::write(int fd, const Change& change) {
  const auto& [offset, before, after] = change;
  const auto journal = change.encode();
  if (const auto kept = io::write_durably(journal_, as_text(journal)); !kept)
    return fail(HostsErrc::unwritable,
                "cannot change " + path_.string() + " safely, since " + kept.error().path.string() +
                    " can't be written: " + std::strerror(kept.error().error));
  const auto end = offset + after.size();
  const bool written = write_at(fd, after, offset) &&
                       ::ftruncate(fd, static_cast<off_t>(end)) == 0 && ::fsync(fd) == 0;
  if (!written) {
    const int why = errno;
    const bool undone = write_at(fd, before, offset) &&
                        ::ftruncate(fd, static_cast<off_t>(offset + before.size())) == 0 &&
                        ::fsync(fd) == 0;
    if (undone) ::unlink(journal_.c_str());
    errno = why;
    return failed(HostsErrc::unwritable, "write");
  }
  ::unlink(journal_.c_str());
  return {};
}

// Until the change is finished, or was seen not to be cut, the journal has the only copy of what
// the file had.
Result<void> HostsFile::finish_cut_change() {
  const io::UniqueFd journal(::open(journal_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!journal && errno == ENOENT) return {};
  const auto kept = journal ? read_all(journal.get()) : std::nullopt;
  if (!kept) return failed(HostsErrc::unreadable, "read the journal of");
  // A journal that is cut itself was followed by no change.
  if (const auto change = Change::decode(as_bytes(*kept))) {
    if (auto finished = finish(*change); !finished) return finished;
  }
  ::unlink(journal_.c_str());
  return {};
}

Result<void> HostsFile::finish(const Change& change) const {
  constexpr int kHow = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  io::UniqueFd file(::open(path_.c_str(), O_RDWR | kHow));
  const int unwritable = file ? 0 : errno;
  if (!file) file = io::UniqueFd(::open(path_.c_str(), O_RDONLY | kHow));
  if (!file && errno == ENOENT) return {};
  const auto text = file ? read_all(file.get()) : std::nullopt;
  if (!text) return failed(HostsErrc::unreadable, "read");
  // Whole, or changed by others since: theirs is what counts.
  if (text->size() < change.offset) return {};
  const auto found = std::string_view(*text).substr(change.offset);
  if (found == change.before || found == change.after ||
      !is_mixture(found, change.before, change.after))
    return {};
  errno = unwritable;
  const bool written =
      unwritable == 0 && write_at(file.get(), change.after, change.offset) &&
      ::ftruncate(file.get(), static_cast<off_t>(change.offset + change.after.size())) == 0 &&
      ::fsync(file.get()) == 0;
  if (!written) return failed(HostsErrc::unwritable, "write");
  return {};
}

}  // namespace lanrage::agent
