#include <gtest/gtest.h>
#include <memory>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/device_keys.hpp"
#include "io/tls.hpp"
#include "lan/station.hpp"
#include "portmap/pcp.hpp"
#include "trust/tunnel_address.hpp"
#include "unit/vectors/example.hpp"

namespace lanrage::vectors {
namespace {

// A certificate with the key whose point is the generator of P-256.
std::shared_ptr<X509> certificate() {
  const auto der = from_hex(
                       "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
                       "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                       "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
                       .value();
  const auto* start = der.data();
  const std::shared_ptr<EVP_PKEY> key(d2i_PUBKEY(nullptr, &start, std::ssize(der)), EVP_PKEY_free);
  std::shared_ptr<X509> out(X509_new(), X509_free);
  EXPECT_EQ(X509_set_pubkey(out.get(), key.get()), 1);
  return out;
}

}  // namespace

void add_machine(Values& out) {
  show(out, "tunnel address",
       trust::tunnel_address(party(), joiner().wireguard.public_key()).bytes());
  const auto numbers = lan::segment_numbers(party());
  ByteWriter segment;
  segment.u32(numbers.vni).u16(numbers.port);
  show(out, "lan segment", ByteView(segment.bytes()).subspan(1));
  const auto station = lan::make_station(
      party(), {.wireguard = joiner().wireguard.public_key(), .vip = {}, .underlay = {}});
  ByteWriter place;
  place.raw(station.mac).raw(station.address.bytes());
  show(out, "lan station", place.bytes());
  const auto binding = io::spki_hash(certificate().get());
  show(out, "binding", binding);
  out.emplace_back("pin", io::to_text(io::pin_of(binding)));

  const auto device = joiner();
  const auto key = agent::DeviceKeys{device.identity, device.box}.port_mapping_key();
  show(out, "port mapping key", key.expose());
  show(out, "pcp nonce",
       portmap::pcp::nonce_for(key, portmap::pcp::Protocol::udp, 51'820,
                               {*IpAddress::parse("192.0.2.1"), portmap::pcp::kPort}));
}

}  // namespace lanrage::vectors
