// The calendar that invites are dated by: the server's, which judges them by it, for players'
// clocks may be a day off.
#pragma once

#include <chrono>
#include <string_view>

#include "agent/control_plane.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace lanrage::agent {

// More than that, and it's the server that is wrong, or lies: it could keep an invite open for ever
// by standing still, and have one made that never ends by running ahead.
inline constexpr std::chrono::hours kClocksDiffer{24};
// What is still put down to the way there and to clocks that drift.
inline constexpr std::chrono::minutes kClocksDrift{10};

enum class ClockErrc { clocks_differ };
constexpr std::string_view name_of(ClockErrc) {
  return "clocks_differ";
}

// By which invites have ended: the server's time, but at most kClocksDiffer from ours.
UnixTime invite_clock(const ControlPlane& control);
// From which the life of a new one counts. clocks_differ where the server's is further from ours.
Result<UnixTime> invite_date(const ControlPlane& control);

}  // namespace lanrage::agent
