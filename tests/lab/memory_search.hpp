// Looking for bytes in everything that a process has in memory, or keeps in a folder.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/bytes.hpp"
#include "secrets_in_logs.hpp"

namespace lanrage::lab {

// As they are, in hex, base32 and both alphabets of base64 (at each of its three offsets), in
// either case where a reader takes either.
std::vector<std::string> forms_of(std::string_view bytes);

// The process's readable memory, read while it runs. Throws LabError where nothing can be read.
std::vector<std::string> memory_of(pid_t pid);
// The folder's files, whole.
std::vector<std::string> files_of(const std::filesystem::path& folder);

// Names of those secrets of which some form stands in one of the pieces.
std::vector<std::string> found_in(const std::vector<std::string>& pieces,
                                  const std::vector<KnownSecret>& secrets);

}  // namespace lanrage::lab
