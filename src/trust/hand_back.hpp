// What a server that went back to an old backup is handed back by its party's members: the records
// that it has forgotten, some at a time, and boxes with the party key for those who need one, which
// any member can seal.
#pragma once

#include <optional>

#include "base/random.hpp"
#include "party/command.hpp"
#include "trust/key_ring.hpp"
#include "trust/verified_log.hpp"

namespace lanrage::trust {

// Bytes of records in one: with their boxes they fit a request (protocol::kMaxRequestSize).
inline constexpr std::size_t kHandBackBytes = 16 * 1024;
inline constexpr std::size_t kHandBackRecords = 256;
inline constexpr std::size_t kHandBackBoxes = 128;

// Whether anything that we can hand back follows our first `after` records: while our keys lack the
// newest roster's, nobody gets that one and what follows from us.
bool can_hand_back(const VerifiedLog& log, const KeyRing& keys, std::uint64_t after);
// The next of it, else nothing. An admission and the statement after it stay together.
std::optional<party::HandBack> next_hand_back(Random& random, const VerifiedLog& log,
                                              const KeyRing& keys, std::uint64_t after);

}  // namespace lanrage::trust
