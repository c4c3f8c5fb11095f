// Every number that bounds a party, in one place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lanrage::party {

// Part of the protocol: every verifier refuses what is beyond, so these can't be settings.
inline constexpr std::size_t kMaxRecordSize = std::size_t{128} * 1024;
inline constexpr std::size_t kMaxNameChars = 64;
inline constexpr std::size_t kMaxNickChars = 32;
inline constexpr std::size_t kMaxCandidates = 16;
inline constexpr std::size_t kMaxDeputies = 64;
inline constexpr std::size_t kMaxMembers = 1'000;
inline constexpr std::size_t kMaxInvitesPerRoster = 1'000;
inline constexpr std::size_t kMaxLogRecords = 50'000;  // leaves pass even beyond
// So many charters and rosters more: whoever fills the log can still be kicked.
inline constexpr std::size_t kLogReserve = 1'000;
inline constexpr std::size_t kHeadWindow = 1'024;  // how far back a record's `seen` head may lie
inline constexpr std::uint8_t kShortestPrefix = 8;
inline constexpr std::uint8_t kLongestPrefix = 29;
inline constexpr std::chrono::minutes kInviteTolerance{10};  // clocks differ

// An invite made without options, the first one included.
inline constexpr std::uint16_t kDefaultInviteUses = 16;
inline constexpr std::chrono::hours kDefaultInviteLifetime{24};
inline constexpr std::chrono::days kMaxInviteLifetime{365};

inline constexpr std::size_t kMaxRequestIdSize = 64;
inline constexpr std::size_t kMaxNatTypeSize = 32;

// What one server grants: settings, checked in apply().
struct Limits {
  std::size_t peers = 64;
  std::size_t open_invites = 32;    // neither used up nor expired
  std::size_t log_records = 8'192;  // rosters and charters have kLogReserve more, leaves no limit
  std::size_t log_bytes = std::size_t{8} * 1024 * 1024;  // leaves have no limit
  std::size_t journal_events = 1'024;                    // kept for members that come back
  std::size_t requests = 4'096;  // remembered request ids a party; the oldest go first
  std::chrono::hours request_lifetime{24};
};

}  // namespace lanrage::party
