// Keys of simulated devices, and signed parties of each size, made once a process: signing is what
// worlds would spend most of their time on.
#pragma once

#include <vector>

#include "party/membership.hpp"
#include "party/new_party.hpp"

namespace lanrage::trust_sim {

inline constexpr UnixTime kStart{std::chrono::milliseconds(1'700'000'000'000)};
inline constexpr std::size_t kDevices = 12;
inline constexpr std::size_t kFewest = 3, kMost = 7;  // members at the start

struct PooledParty {
  party::NewParty made;
  party::InviteKeys invite;
  // With kFewest + n members: devices 0 (the host), 1, ...; 1 and 2 are deputies.
  struct Size {
    std::vector<Bytes> log;
    party::Ledger ledger;
  };
  std::vector<Size> sizes;
};

struct Pool {
  std::vector<party::DeviceKeys> devices;
  std::vector<PooledParty> parties;

  static const Pool& get();
};

}  // namespace lanrage::trust_sim
