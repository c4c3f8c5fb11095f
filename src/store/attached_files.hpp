// Files that a backup carries inside its database: the server's key and certificate. Only backups
// have the table; restoring takes it out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace lanrage::store {

struct AttachedFile {
  std::string name;  // without a folder
  Bytes content;
};

// Into the closed database `path`; errors leave it as it was.
Result<void> attach_files(const std::string& path, const std::vector<AttachedFile>& files);
// Takes them out; nothing if the database isn't one that files were attached to.
Result<std::optional<std::vector<AttachedFile>>> detach_files(const std::string& path);

// Gives the closed database `path` another incarnation: a backup may be restored twice, and what
// began from it the first time must not be taken for the second.
Result<void> renew_incarnation(const std::string& path);

}  // namespace lanrage::store
