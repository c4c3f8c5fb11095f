// Parties hosted on this machine, for other agents on it: one JSON file an agent in a folder that
// all may read. A hint like the beacon; what goes wrong with it is a warning at most.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/beacon.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace lanrage::agent {

inline constexpr std::chrono::minutes kDiscoveryFileLife{3};  // an agent that died writes no more
inline constexpr std::size_t kMaxDiscoveryFile = 64 * 1024;   // bytes
inline constexpr std::size_t kMaxDiscoveryFiles = 64;         // of one folder

std::string encode_discovery(const std::vector<LanParty>& parties, UnixTime now);
// Errors: StateErrc::malformed. Parties that aren't sound are left out; an old file has none.
Result<std::vector<LanParty>> decode_discovery(std::string_view text, UnixTime now);

class DiscoveryFiles {
 public:
  // Folders in the order of liking; `owner` names our own file in it.
  DiscoveryFiles(std::vector<std::filesystem::path> folders, std::string owner)
      : folders_(std::move(folders)), owner_(std::move(owner)) {}

  // In the first folder that can be written. Errors: StateErrc::unwritable.
  Result<void> write(const std::vector<LanParty>& parties, UnixTime now) const;
  void remove() const;

  struct Found {
    std::vector<LanParty> parties;
    std::vector<Error> problems;  // files that couldn't be read or understood
  };
  // Everybody's, ours too.
  Found read(UnixTime now) const;

 private:
  std::vector<std::filesystem::path> folders_;
  std::string owner_;
};

}  // namespace lanrage::agent
