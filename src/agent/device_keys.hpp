// The device's own keys, made on first start and never sent anywhere.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "crypto/keys.hpp"

namespace lanrage::agent {

enum class StateErrc { unreadable, unwritable, malformed, newer, in_use, unsafe };
constexpr std::string_view name_of(StateErrc errc) {
  switch (errc) {
    case StateErrc::unreadable:
      return "state_unreadable";
    case StateErrc::unwritable:
      return "state_unwritable";
    case StateErrc::malformed:
      return "state_malformed";
    case StateErrc::newer:
      return "state_newer";
    case StateErrc::in_use:
      return "state_in_use";
    case StateErrc::unsafe:
      return "state_unsafe";
  }
  return "state_error";
}

struct DeviceKeys {
  crypto::SigningKey identity;
  crypto::ExchangeSecret box;

  PeerId peer_id() const;
  // By which a restarted agent may renew and remove the router's mappings that it had.
  Secret<32> port_mapping_key() const;
};

// Reads `directory`/identity.json, or makes it (mode 0600) where there is none. A damaged file is
// an error and stays as it is: a new identity would be another peer to every party.
Result<DeviceKeys> load_or_create_device_keys(const std::filesystem::path& directory,
                                              Random& random);

}  // namespace lanrage::agent
