#include "agent/invite_clock.hpp"

#include <algorithm>

#include "agent/clock.hpp"

namespace lanrage::agent {

UnixTime invite_clock(const ControlPlane& control) {
  const auto ours = unix_now();
  return std::clamp<UnixTime>(control.server_time(), ours - kClocksDiffer, ours + kClocksDiffer);
}

Result<UnixTime> invite_date(const ControlPlane& control) {
  const auto date = invite_clock(control);
  if (std::chrono::abs(control.server_time() - date) <= kClocksDrift) return date;
  return fail(ClockErrc::clocks_differ,
              "this machine's clock and the server's differ by more than a day, so nobody could "
              "tell when an invite ends: set yours (`timedatectl set-ntp true`), or ask whoever "
              "runs the server to set that one",
              "clock");
}

}  // namespace lanrage::agent
