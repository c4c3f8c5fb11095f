#include "trust/tunnel_address.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace lanrage::trust {

IpAddress tunnel_address(const PartyId& party, const crypto::ExchangeKey& wireguard) {
  const ByteArray<1> zero{};
  const auto prefix = crypto::sha256({as_bytes("lanrage/v1/tunnel-prefix"), zero, party.bytes});
  const auto host =
      crypto::sha256({as_bytes("lanrage/v1/tunnel-address"), zero, party.bytes, wireguard.bytes});
  ByteArray<16> out{0xfd};
  std::copy_n(prefix.begin(), 5, out.begin() + 1);
  std::copy_n(host.begin(), 10, out.begin() + 6);
  return IpAddress::v6(out);
}

}  // namespace lanrage::trust
