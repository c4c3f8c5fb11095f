// The text protocol of userspace WireGuard's control socket
// (https://www.wireguard.com/xplatform/#configuration-protocol).
#pragma once

#include <span>
#include <string_view>

#include "base/result.hpp"
#include "base/wiped.hpp"
#include "wireguard/device.hpp"

namespace lanrage::wireguard::uapi {

inline constexpr std::string_view kGetRequest = "get=1\n\n";

// One set request that applies all operations: the device's own settings first, then what concerns
// peers in the order given.
WipedString encode_set(std::span<const Operation> operations);

// The answer to a get request, up to and including the empty line that ends it.
Result<DeviceStatus> parse_get_reply(std::string_view reply);
// The answer to a set request: "errno=0" or what went wrong.
Result<void> parse_set_reply(std::string_view reply);

// True when `received` holds a whole reply (the protocol ends each with an empty line).
bool is_complete(std::string_view received);

}  // namespace lanrage::wireguard::uapi
