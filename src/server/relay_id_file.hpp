// The id by which control servers know a stand-alone relay: made at its first start, the same for
// ever after.
#pragma once

#include <filesystem>

#include "base/random.hpp"
#include "base/result.hpp"
#include "relay/token.hpp"

namespace lanrage::server {

enum class RelayIdErrc { cannot_read, cannot_write, damaged };
constexpr std::string_view name_of(RelayIdErrc e) {
  switch (e) {
    case RelayIdErrc::cannot_read:
      return "cannot_read";
    case RelayIdErrc::cannot_write:
      return "cannot_write";
    case RelayIdErrc::damaged:
      return "damaged";
  }
  return "unknown";
}

// `relay_id` in that directory, which must exist. A damaged file is never replaced.
Result<RelayId> load_or_make_relay_id(const std::filesystem::path& directory, Random& random);

}  // namespace lanrage::server
