#pragma once

#include <string_view>

namespace lanrage::path {

enum class Errc {
  malformed_signal,   // bytes that aren't a signal of this version
  unsealable_signal,  // the recipient's box key is of low order
  unreadable_signal,  // the box doesn't open with our key for this party and sender
  forged_signal,      // opened, but not signed by the sender's identity
  replayed_signal,    // older than, or the same as, one already seen
};

constexpr std::string_view name_of(Errc errc) {
  switch (errc) {
    case Errc::malformed_signal:
      return "malformed_signal";
    case Errc::unsealable_signal:
      return "unsealable_signal";
    case Errc::unreadable_signal:
      return "unreadable_signal";
    case Errc::forged_signal:
      return "forged_signal";
    case Errc::replayed_signal:
      return "replayed_signal";
  }
  return "unknown";
}

}  // namespace lanrage::path
