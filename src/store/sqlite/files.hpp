// Files of a database: made private, named only when complete, removed whole.
#pragma once

#include <string>

#include "base/result.hpp"

namespace lanrage::store {

// An empty file with mode 0600. file_exists when there is one.
Result<void> create_private_file(const std::string& path);
// Gives `from` the name `to` unless something has it (file_exists), durably.
Result<void> rename_to_new(const std::string& from, const std::string& to);
Result<void> sync_folder_of(const std::string& path);
// The file and what SQLite keeps beside it; what isn't there is fine.
void remove_database(const std::string& path);

}  // namespace lanrage::store
