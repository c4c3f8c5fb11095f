// A member on the party's Ethernet segment. All but its virtual IP follows from party and WireGuard
// key, so nobody hands it out and nobody can claim another's.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "crypto/keys.hpp"

namespace lanrage::lan {

using Mac = ByteArray<6>;
inline constexpr Mac kBroadcastMac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct Member {
  crypto::ExchangeKey wireguard{};
  IpAddress vip;
  IpAddress underlay;  // of its agent inside the tunnel: trust::tunnel_address()
  // Else its machine can't have the segment, and its virtual IP is on its WireGuard device.
  bool on_segment = true;
};

inline constexpr std::uint8_t kLanPrefixLength = 64;  // of `address`

struct Station {
  IpAddress underlay;
  Mac mac{};
  IpAddress vip;
  IpAddress address;     // IPv6, a ULA (RFC 4193)
  IpAddress link_local;  // IPv6, from the MAC (RFC 4291 appendix A)

  friend bool operator==(const Station&, const Station&) = default;
};

// Of the station: S = SHA-256("lanrage/v1/lan-station" || 0 || party || WireGuard key).
//   mac:     S[0..6), made unicast and locally administered
//   address: fd || P[5..10) || 0 0 || S[6..14), where P is SegmentNumbers' hash
Station make_station(const PartyId& party, const Member& member);

// What all members must agree on: P = SHA-256("lanrage/v1/lan-segment" || 0 || party).
struct SegmentNumbers {
  std::uint32_t vni;   // P[0..3), 1 instead of 0
  std::uint16_t port;  // 61000 + P[3..5) mod 4000: above what Linux gives to clients by itself

  friend bool operator==(const SegmentNumbers&, const SegmentNumbers&) = default;
};
SegmentNumbers segment_numbers(const PartyId& party);

// Where Ethernet sends a broadcast or multicast address (RFC 1112, RFC 2464).
Mac group_mac(const IpAddress& destination);

}  // namespace lanrage::lan
