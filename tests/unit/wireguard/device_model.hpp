// WireGuard's documented reaction to operations, as a model for property tests; and random devices.
#pragma once

#include <vector>

#include "base/random.hpp"
#include "wireguard/device.hpp"

namespace lanrage::wireguard::test {

void perform(DeviceConfig& device, const Operation& operation);
void perform(DeviceConfig& device, const std::vector<Operation>& operations);

// Up to eight peers out of a fixed set of ten keys, so that two random devices share some.
DeviceConfig random_device(Random& random);

// Equal but for the order of allowed IPs.
void expect_same(const DeviceConfig& a, const DeviceConfig& b);

DeviceStatus status_of(const DeviceConfig& config);

Endpoint endpoint(std::string_view text);
Prefix prefix(std::string_view text);

}  // namespace lanrage::wireguard::test
