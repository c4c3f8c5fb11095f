#include "server/backup_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <unistd.h>

#include "io/durable_file.hpp"
#include "io/unique_fd.hpp"
#include "server/deployment.hpp"
#include "store/attached_files.hpp"
#include "store/store.hpp"

namespace lanrage::server {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kFiles{"server.crt", "server.key"};
constexpr std::string_view kDatabase = "server.db";

Error cannot_write(const fs::path& path, const std::string& why) {
  return Error(BackupErrc::cannot_write, "can't write " + path.string() + ": " + why);
}

// Removes what was half done, unless it is kept.
class Removal {
 public:
  explicit Removal(fs::path path) : path_(std::move(path)) {}
  ~Removal() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }
  Removal(const Removal&) = delete;
  Removal& operator=(const Removal&) = delete;
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

io::UniqueFd open_file(const fs::path& path, int flags) {
  return io::UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, io::kOursAlone));
}

Result<void> write_all(int fd, std::string_view contents, const fs::path& path) {
  if (io::write_all(fd, contents)) return {};
  return std::unexpected(cannot_write(path, std::strerror(errno)));
}

// On the disk when it returns.
Result<void> finish(int fd, const fs::path& path) {
  const auto folder =
      open_file(path.has_parent_path() ? path.parent_path() : fs::path("."), O_RDONLY);
  if (::fsync(fd) != 0 || !folder || ::fsync(folder.get()) != 0)
    return std::unexpected(cannot_write(path, std::strerror(errno)));
  return {};
}

// A new file, 0600, whole or not at all.
Result<void> copy_to_new(const fs::path& from, const fs::path& to) {
  const auto in = open_file(from, O_RDONLY);
  if (!in)
    return fail(BackupErrc::not_a_backup,
                "can't read " + from.string() + ": " + std::strerror(errno));
  const auto out = open_file(to, O_WRONLY | O_CREAT | O_EXCL);
  if (!out && errno == EEXIST)
    return fail(BackupErrc::file_exists, to.string() + " exists: remove it, or name another file");
  if (!out) return std::unexpected(cannot_write(to, std::strerror(errno)));
  Removal half(to);
  std::array<char, 64 * 1024> block;
  for (;;) {
    const ssize_t size = ::read(in.get(), block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::unexpected(cannot_write(to, std::strerror(errno)));
    if (size == 0) break;
    if (auto done = write_all(out.get(), {block.data(), static_cast<std::size_t>(size)}, to); !done)
      return done;
  }
  if (auto done = finish(out.get(), to); !done) return done;
  half.keep();
  return {};
}

Result<void> write_new(const fs::path& path, const Bytes& content) {
  const auto out = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!out) return std::unexpected(cannot_write(path, std::strerror(errno)));
  Removal half(path);
  if (auto done = write_all(out.get(),
                            {reinterpret_cast<const char*>(content.data()), content.size()}, path);
      !done)
    return done;
  if (auto done = finish(out.get(), path); !done) return done;
  half.keep();
  return {};
}

Result<std::vector<store::AttachedFile>> keys_of(const fs::path& data_dir) {
  std::vector<store::AttachedFile> files;
  for (const auto name : kFiles) {
    const fs::path path = data_dir / name;
    std::error_code error;
    if (!fs::exists(path, error) && !error) continue;
    std::ifstream file(path, std::ios::binary);
    if (!file)
      return fail(BackupErrc::cannot_write, "can't read " + path.string() +
                                                ", which a backup must hold: be root or the "
                                                "server's own user");
    files.push_back({std::string(name), Bytes(std::istreambuf_iterator<char>(file), {})});
  }
  return files;
}

}  // namespace

Result<void> copy_database(const std::string& location, const fs::path& copy) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<void>> result;
  // Without a loop: completions come on the store's own thread.
  auto store = store::open_store(location, [](std::move_only_function<void()> task) { task(); });
  if (!store) return std::unexpected(store.error());
  (*store)->backup(copy.string(), [&](Result<void> done) {
    const std::lock_guard lock(mutex);
    result = std::move(done);
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return result.has_value(); });
  return *result;
}

Result<void> finish_backup(const fs::path& copy, const fs::path& data_dir, const fs::path& file) {
  const Removal done_with(copy);
  const auto keys = keys_of(data_dir);
  if (!keys) return std::unexpected(keys.error());
  if (auto attached = store::attach_files(copy.string(), *keys); !attached) return attached;
  return copy_to_new(copy, file);
}

Result<void> restore_backup(const fs::path& file, const fs::path& data_dir) {
  std::error_code error;
  if (fs::exists(data_dir, error) && !fs::is_empty(data_dir, error))
    return fail(BackupErrc::not_empty,
                data_dir.string() +
                    " isn't empty: a restore never writes over what is there. Move it away, or "
                    "name another folder with --data-dir",
                "--data-dir");
  const auto report = store::check_store("sqlite:" + file.string());
  if (!report) return std::unexpected(report.error());
  if (!report->problems.empty())
    return fail(
        BackupErrc::not_a_backup,
        file.string() + " is damaged (" + report->problems.front() + "): restore another backup");
  if (auto made = make_data_directory(data_dir); !made) return made;
  // The database gets its name last: a restore that was cut short leaves nothing that serves.
  const fs::path part = data_dir / (std::string(kDatabase) + ".part");
  if (auto copied = copy_to_new(file, part); !copied) return copied;
  std::deque<Removal> half;  // what goes again unless all of it succeeds
  half.emplace_back(part);
  const auto files = store::detach_files(part.string());
  if (!files) return std::unexpected(files.error());
  if (!*files)
    return fail(BackupErrc::not_a_backup,
                file.string() +
                    " is a server's own database, not a backup: name a file that lanrage-server "
                    "backup wrote");
  for (const auto& attached : **files) {
    if (std::ranges::find(kFiles, attached.name) == kFiles.end())
      return fail(BackupErrc::not_a_backup,
                  file.string() + " holds a file \"" + attached.name +
                      "\", which no backup of this version has: use the newer lanrage-server");
    if (auto written = write_new(data_dir / attached.name, attached.content); !written)
      return written;
    half.emplace_back(data_dir / attached.name);
  }
  if (auto renewed = store::renew_incarnation(part.string()); !renewed) return renewed;
  fs::rename(part, data_dir / kDatabase, error);
  if (error) return std::unexpected(cannot_write(data_dir / kDatabase, error.message()));
  for (auto& each : half)
    each.keep();
  const auto folder = open_file(data_dir, O_RDONLY);
  if (!folder || ::fsync(folder.get()) != 0)
    return std::unexpected(cannot_write(data_dir / kDatabase, std::strerror(errno)));
  return {};
}

}  // namespace lanrage::server
