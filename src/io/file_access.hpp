// Which files a process may open, whoever it is: the kernel's Landlock.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"

namespace lanrage::io {

struct FileAccess {
  // Folders with all below, and device nodes; absent ones don't matter. What is writable or
  // executable is readable, and so is everything but /home and /root, wherever those lead to.
  std::vector<std::filesystem::path> writable;
  std::vector<std::filesystem::path> readable;    // besides
  std::vector<std::filesystem::path> executable;  // of programs and their loader
  // Files there may be written, but none made, moved or removed.
  std::vector<std::filesystem::path> rewritable{};
};

struct Confined {
  bool enforced = false;  // false: the kernel has no Landlock
  // Places that couldn't be opened (a mount whose server has died, say): nothing there can be used.
  struct Skipped {
    std::filesystem::path path;
    int error = 0;  // errno
  };
  std::vector<Skipped> skipped;
};

// For the calling thread, those that it starts later and programs that they execute. Files that are
// open stay so.
Result<Confined> confine_files(const FileAccess& access);

}  // namespace lanrage::io
