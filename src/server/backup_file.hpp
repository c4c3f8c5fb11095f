// A backup is one file: a copy of the database, which also holds the server's own certificate and
// key. Whoever restores it is the same server to its players (same pin, same parties), with a new
// incarnation.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace lanrage::server {

enum class BackupErrc {
  file_exists,  // never replaced
  cannot_write,
  not_a_backup,
  not_empty,  // the data directory to restore into
};
constexpr std::string_view name_of(BackupErrc e) {
  switch (e) {
    case BackupErrc::file_exists:
      return "file_exists";
    case BackupErrc::cannot_write:
      return "cannot_write";
    case BackupErrc::not_a_backup:
      return "not_a_backup";
    case BackupErrc::not_empty:
      return "not_empty";
  }
  return "unknown";
}

// A copy of a database that no server runs on. store::Errc.
Result<void> copy_database(const std::string& location, const std::filesystem::path& copy);

// Puts server.key and server.crt of the data directory, as far as they are there, into the copy and
// moves it to `file` (mode 0600, on the disk when this returns). On failure nothing is left.
Result<void> finish_backup(const std::filesystem::path& copy, const std::filesystem::path& data_dir,
                           const std::filesystem::path& file);

// Makes `data_dir` out of a backup: it must be absent or empty.
Result<void> restore_backup(const std::filesystem::path& file,
                            const std::filesystem::path& data_dir);

}  // namespace lanrage::server
