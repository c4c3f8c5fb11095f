// The address at which a member's agent is reached inside the tunnel: a ULA (RFC 4193) that follows
// from its WireGuard key, so nobody hands it out and nobody can claim another's.
#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "crypto/keys.hpp"

namespace lanrage::trust {

inline constexpr std::uint8_t kTunnelPrefixLength = 48;  // a party's agents

// fd || 5 bytes of SHA-256("lanrage/v1/tunnel-prefix" || 0 || party) ||
// 10 bytes of SHA-256("lanrage/v1/tunnel-address" || 0 || party || WireGuard key).
IpAddress tunnel_address(const PartyId& party, const crypto::ExchangeKey& wireguard);

}  // namespace lanrage::trust
