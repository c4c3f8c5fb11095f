// Files that are whole or untouched, whenever the machine stops.
#pragma once

#include <expected>
#include <filesystem>
#include <string_view>
#include <sys/types.h>

namespace lanrage::io {

inline constexpr mode_t kOursAlone = 0600;
inline constexpr mode_t kWorldReadable = 0644;

// What couldn't be done; each caller says it in its own words.
struct FileTrouble {
  std::string_view doing;  // "create", "write" or "replace"
  std::filesystem::path path;
  int error = 0;  // errno
};

// Temporary file beside `path`, fsync, rename, fsync of the folder. On failure `path` is as it was
// and nothing else is left.
std::expected<void, FileTrouble> write_durably(const std::filesystem::path& path,
                                               std::string_view contents, mode_t mode = kOursAlone);

// All of it, whatever interrupts. False: errno says why.
bool write_all(int fd, std::string_view contents);

}  // namespace lanrage::io
