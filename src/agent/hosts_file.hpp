// The machine's hosts file, with a block of ours in it (lan/hosts_text.hpp).
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "io/unique_fd.hpp"
#include "lan/names.hpp"

namespace lanrage::agent {

enum class HostsErrc { unreadable, unwritable, not_text, too_large, busy, replaced };
constexpr std::string_view name_of(HostsErrc code) {
  switch (code) {
    case HostsErrc::unreadable:
      return "hosts_unreadable";
    case HostsErrc::unwritable:
      return "hosts_unwritable";
    case HostsErrc::not_text:
      return "hosts_not_text";
    case HostsErrc::too_large:
      return "hosts_too_large";
    case HostsErrc::busy:
      return "hosts_busy";
    case HostsErrc::replaced:
      return "hosts_replaced";
  }
  return "hosts";
}

// Edited where it is, never replaced: it may be a link, or mounted by itself, and owner, mode,
// label and further names stay. What a change writes over stands in `journal` meanwhile, so that
// one that the machine's end cuts in two is finished by the next start.
class HostsFile {
 public:
  static constexpr std::size_t kMostBytes = 32 << 20;  // lists of advertisers have some 10 MB

  HostsFile(std::filesystem::path hosts, std::filesystem::path journal)
      : path_(std::move(hosts)), journal_(std::move(journal)) {}

  // These names and no others in the block of agent `id`; none: the block is gone. Takes the disk's
  // time, and up to two seconds where another agent changes the file right now. Errors: HostsErrc,
  // and the file is as it was.
  Result<void> set(std::string_view id, const lan::NameTable& names);

 private:
  struct Change;
  Result<void> finish_cut_change();
  Result<void> finish(const Change& change) const;
  // False: somebody put another file there meanwhile.
  Result<bool> set_once(std::string_view id, const lan::NameTable& names);
  Result<void> write(int fd, const Change& change);
  std::unexpected<Error> failed(HostsErrc code, const std::string& doing) const;

  std::filesystem::path path_;
  std::filesystem::path journal_;
};

}  // namespace lanrage::agent
