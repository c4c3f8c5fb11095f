// A party that its members joined one by one, each by the same invite, with all keys at hand.
#pragma once

#include <stdexcept>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "party/membership.hpp"

namespace lanrage::bench {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error("trust: " + result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// When it was made; nothing here looks at a clock.
inline constexpr UnixTime kFounded{std::chrono::milliseconds(1'700'000'000'000)};

struct GrownParty {
  explicit GrownParty(std::size_t size);

  party::DeviceKeys device();
  // Admission and statement of somebody who isn't in the log.
  std::pair<Bytes, Bytes> join_of(const party::DeviceKeys& device) const;
  void take(const Bytes& record);

  SeededRandom random{1};
  std::vector<party::DeviceKeys> members;  // the host first
  party::NewParty made;
  party::InviteKeys invite;
  party::Ledger ledger;
  std::vector<Bytes> log;
};

}  // namespace lanrage::bench
