#include "lan/quiet.hpp"

#include <algorithm>
#include <array>

namespace lanrage::lan {
namespace {

constexpr std::uint32_t kLocalControl = 0xe0000000;  // 224.0.0.0/24, RFC 5771
constexpr std::uint32_t kSsdp = 0xeffffffa;          // 239.255.255.250
constexpr std::uint16_t kFirstOfGames = 1024;        // below are services: DHCP, NetBIOS, SNMP, ...
constexpr std::uint16_t kIpx = 213;                  // of old games, in UDP (RFC 1234)
constexpr std::array<std::uint16_t, 11> kPorts{1716, 1900, 3702,   5350,   5351,  5353,
                                               5355, 8667, 17'500, 21'027, 57'621};

}  // namespace

bool is_quiet_group(const IpAddress& group) {
  if (group.is_v4()) {
    const auto value = group.v4_value();
    return (value & 0xffffff00) == kLocalControl || value == kSsdp;
  }
  const auto bytes = group.bytes();
  if (bytes[0] != 0xff) return false;
  const auto scope = bytes[1] & 0x0f;
  if (scope < 2) return true;
  const auto zeros = [&](std::size_t from, std::size_t to) {
    return std::ranges::all_of(bytes.subspan(from, to - from), [](auto b) { return b == 0; });
  };
  // Variable scope: SSDP is ff0X::c, mDNS ff0X::fb. LLMNR is ff02::1:3, DHCP ff02::1:2.
  if (zeros(2, 14) || (zeros(2, 12) && bytes[12] == 0 && bytes[13] == 1)) return true;
  // What every address makes its machine join (RFC 4291: solicited-node).
  return zeros(2, 11) && bytes[11] == 1 && bytes[12] == 0xff;
}

bool is_quiet_port(std::uint16_t port) {
  if (port < kFirstOfGames) return port != kIpx;
  return std::ranges::find(kPorts, port) != kPorts.end();
}

}  // namespace lanrage::lan
