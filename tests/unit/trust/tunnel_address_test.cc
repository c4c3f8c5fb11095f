#include "trust/tunnel_address.hpp"

#include <gtest/gtest.h>

namespace lanrage::trust {
namespace {

PartyId party(std::uint8_t fill) {
  PartyId out;
  out.bytes.fill(fill);
  return out;
}
crypto::ExchangeKey wireguard(std::uint8_t fill) {
  crypto::ExchangeKey out;
  out.bytes.fill(fill);
  return out;
}

// By: import hashlib as h; p, k = bytes([1]*16), bytes([2]*32)
// 'fd' + h.sha256(b'lanrage/v1/tunnel-prefix\0' + p).hexdigest()[:10] +
//        h.sha256(b'lanrage/v1/tunnel-address\0' + p + k).hexdigest()[:20]
TEST(TunnelAddress, FollowsFromPartyAndKey) {
  EXPECT_EQ(tunnel_address(party(1), wireguard(2)).to_string(),
            "fd37:bcbf:27d2:4c4c:774b:2d9b:b15f:2fee");
}

TEST(TunnelAddress, APartysAgentsShareAPrefix) {
  const auto a = tunnel_address(party(1), wireguard(2));
  const auto b = tunnel_address(party(1), wireguard(3));
  const auto elsewhere = tunnel_address(party(2), wireguard(2));
  EXPECT_NE(a, b);
  const auto prefix = [](const IpAddress& address) {
    const auto bytes = address.bytes().first(kTunnelPrefixLength / 8);
    return Bytes(bytes.begin(), bytes.end());
  };
  EXPECT_EQ(prefix(a), prefix(b));
  EXPECT_NE(prefix(a), prefix(elsewhere));
  EXPECT_EQ(prefix(a)[0], 0xfd) << "a ULA";
}

}  // namespace
}  // namespace lanrage::trust
