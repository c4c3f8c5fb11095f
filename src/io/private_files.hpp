// Files with keys: whose they are, and who else can use them.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace lanrage::io {

struct PrivateFiles {
  std::vector<std::filesystem::path> exposed;  // others could use them until now
  std::vector<std::filesystem::path> foreign;  // another user's: left as they are
  bool others_may_write = false;               // into the folder: they can replace what is in it
};

struct Unrepaired {
  std::filesystem::path path;
  int error = 0;  // errno
};

// Takes from the folder's files that are `kept_private`, by name, what group and others may do with
// them. Not a folder's own mode, nor anything else in it: it may be a folder for many things. Links
// aren't followed.
std::expected<PrivateFiles, Unrepaired> make_files_private(
    const std::filesystem::path& folder,
    const std::function<bool(std::string_view name)>& kept_private);

}  // namespace lanrage::io
