// Keys and signed parties for simulated devices, made once a process: signing is what worlds would
// spend most of their time on.
#pragma once

#include <vector>

#include "party/invite_secret.hpp"
#include "party/new_party.hpp"
#include "protocol/types.hpp"
#include "sim/control_clock.hpp"
#include "store/store.hpp"

namespace lanrage::control_sim {

struct PooledDevice {
  party::DeviceKeys keys;
  PeerId id;
  protocol::BearerToken token;
  store::TokenRow row;  // of a store that knows the token
};

struct PooledParty {
  std::size_t host;  // of the devices
  party::NewParty made;
  party::InviteKeys first_invite;
};

struct Pool {
  std::vector<PooledDevice> devices;
  std::vector<PooledParty> parties;

  static const Pool& get();
};

}  // namespace lanrage::control_sim
