#include "memory_search.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

#include "base/encoding.hpp"
#include "support/process.hpp"

namespace lanrage::lab {
namespace {

// What can't be part of a secret of 16 bytes is no piece; what is larger than this is read in parts
// that overlap.
constexpr std::size_t kPart = 16 << 20;
constexpr std::size_t kOverlap = 256;

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// Of base64 that holds the bytes after `before` others: the digits that say nothing but them.
std::string base64_at(std::string_view bytes, std::size_t before) {
  const std::string all = to_base64(as_bytes(std::string(before, '\0') + std::string(bytes)));
  const std::size_t first = (before * 8 + 5) / 6;
  const std::size_t last = (before + bytes.size()) * 8 / 6;
  return all.substr(first, last - first);
}

bool holds(const std::string& piece, const std::string& form) {
  return ::memmem(piece.data(), piece.size(), form.data(), form.size()) != nullptr;
}

}  // namespace

std::vector<std::string> forms_of(std::string_view bytes) {
  std::set<std::string> out{std::string(bytes)};
  for (const auto& text : {to_hex(as_bytes(bytes)), to_base32(as_bytes(bytes))})
    out.insert({text, upper(text)});
  for (std::size_t before = 0; before < 3; ++before) {
    auto text = base64_at(bytes, before);
    out.insert(text);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    out.insert(text);
  }
  return {out.begin(), out.end()};
}

std::vector<std::string> memory_of(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  const int memory = ::open((process + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) throw LabError("can't open the memory of process " + std::to_string(pid));
  std::vector<std::string> out;
  std::ifstream maps(process + "/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    char dash = 0;
    std::string rights;
    std::istringstream(line) >> std::hex >> begin >> dash >> end >> rights;
    if (!rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]"))
      continue;
    for (auto at = begin; at < end; at += kPart) {
      std::string piece(std::min<std::uint64_t>(end - at, kPart + kOverlap), '\0');
      const auto got = ::pread(memory, piece.data(), piece.size(), static_cast<off_t>(at));
      if (got <= 0) continue;  // gone meanwhile, or a device's
      piece.resize(static_cast<std::size_t>(got));
      out.push_back(std::move(piece));
    }
  }
  ::close(memory);
  if (out.empty()) throw LabError("process " + std::to_string(pid) + " has no readable memory");
  return out;
}

std::vector<std::string> files_of(const std::filesystem::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    out.push_back(text.str());
  }
  return out;
}

std::vector<std::string> found_in(const std::vector<std::string>& pieces,
                                  const std::vector<KnownSecret>& secrets) {
  std::vector<std::string> out;
  for (const auto& secret : secrets) {
    const auto forms = forms_of(secret.bytes);
    const bool found = std::ranges::any_of(pieces, [&](const std::string& piece) {
      return std::ranges::any_of(forms,
                                 [&](const std::string& form) { return holds(piece, form); });
    });
    if (found) out.push_back(secret.name);
  }
  return out;
}

}  // namespace lanrage::lab
