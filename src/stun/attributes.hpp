// Every STUN attribute that this project reads or writes, in one table. Types below 0x8000 must be
// understood by the receiver ("comprehension-required", RFC 8489 section 14); ours lie at 0xC0A0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lanrage::stun {

enum class Attribute : std::uint16_t {
  mapped_address = 0x0001,            // RFC 8489 14.1
  change_request = 0x0003,            // RFC 5780 7.2: u32 flags
  username = 0x0006,                  // RFC 8489 14.3
  message_integrity = 0x0008,         // 14.5: HMAC-SHA1, 20 bytes
  error_code = 0x0009,                // 14.8
  unknown_attributes = 0x000A,        // 14.13: u16 each
  realm = 0x0014,                     // 14.9
  nonce = 0x0015,                     // 14.10
  message_integrity_sha256 = 0x001C,  // 14.6: HMAC-SHA256, 32 bytes (we never truncate)
  password_algorithm = 0x001D,        // 14.12
  userhash = 0x001E,                  // 14.4
  xor_mapped_address = 0x0020,        // 14.2
  priority = 0x0024,                  // RFC 8445 16.1
  use_candidate = 0x0025,             // RFC 8445 16.1
  software = 0x8022,                  // RFC 8489 14.14
  fingerprint = 0x8028,               // 14.7
  ice_controlled = 0x8029,            // RFC 8445 16.1
  ice_controlling = 0x802A,           // RFC 8445 16.1
  response_origin = 0x802B,           // RFC 5780 7.3
  other_address = 0x802C,             // RFC 5780 7.4
  relay_token = 0xC0A0,               // relay bind: the control server's signed token
  bind_signature = 0xC0A1,            // relay bind: 64 bytes, by the token's bind key
  boot_id = 0xC0A2,                   // relay bind: u64, drawn at each start of a relay
  bind_slot = 0xC0A3,                 // relay bind: u64, another one when sessions were forgotten
  bind_lifetime = 0xC0A4,             // relay bind: u32 seconds until a silent client is removed
  relay_routes = 0xC0A5,              // relay route: 36 bytes each, see relay/route_messages.hpp
  routes_taken = 0xC0A6,              // relay route: u32, a bit for each route, the first lowest
  path_state = 0xC0A8,                // path checks: u8, see path/
};

inline constexpr std::uint32_t kMagicCookie = 0x2112A442;
inline constexpr std::size_t kHeaderSize = 20;
// IPv4's smallest reassembly buffer (576) less the IP and UDP headers: RFC 8489 section 6.1.
inline constexpr std::size_t kMaxMessageSize = 548;

// Flags of CHANGE-REQUEST.
inline constexpr std::uint32_t kChangeAddress = 0x4;
inline constexpr std::uint32_t kChangePort = 0x2;

}  // namespace lanrage::stun
