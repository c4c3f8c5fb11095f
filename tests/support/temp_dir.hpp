// A directory under /tmp that goes when its owner does, or with the program, however that ends (the
// janitor of namespace.hpp knows its name); kept when LANRAGE_LAB_KEEP is set.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>

#include "support/process.hpp"

namespace lanrage::lab {

class TempDir {
 public:
  TempDir() {
    // Short: Unix socket paths end at 107 characters.
    std::string name =
        kept() ? "/tmp/lanrage-lab-XXXXXX" : "/tmp/lr" + std::to_string(::getpid()) + "-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw LabError("can't make a directory in /tmp");
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    if (!kept()) std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  static bool kept() { return std::getenv("LANRAGE_LAB_KEEP") != nullptr; }

  std::filesystem::path path_;
};

}  // namespace lanrage::lab
