#include "lan/station.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace lanrage::lan {
namespace {

constexpr std::uint16_t kFirstPort = 61000;
constexpr std::uint16_t kPorts = 4000;
constexpr std::uint8_t kLocallyAdministered = 0x02;
constexpr std::uint8_t kGroup = 0x01;

ByteArray<32> segment_hash(const PartyId& party) {
  const ByteArray<1> zero{};
  return crypto::sha256({as_bytes("lanrage/v1/lan-segment"), zero, party.bytes});
}

IpAddress link_local_of(const Mac& mac) {
  return IpAddress::v6(ByteArray<16>{0xfe, 0x80, 0, 0, 0, 0, 0, 0,
                                     static_cast<std::uint8_t>(mac[0] ^ kLocallyAdministered),
                                     mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]});
}

}  // namespace

Station make_station(const PartyId& party, const Member& member) {
  const ByteArray<1> zero{};
  const auto segment = segment_hash(party);
  const auto own = crypto::sha256(
      {as_bytes("lanrage/v1/lan-station"), zero, party.bytes, member.wireguard.bytes});
  Station out{.underlay = member.underlay, .vip = member.vip, .address = {}, .link_local = {}};
  std::copy_n(own.begin(), out.mac.size(), out.mac.begin());
  out.mac[0] = static_cast<std::uint8_t>((out.mac[0] & ~kGroup) | kLocallyAdministered);
  ByteArray<16> address{0xfd};
  std::copy_n(segment.begin() + 5, 5, address.begin() + 1);
  std::copy_n(own.begin() + 6, 8, address.begin() + 8);
  out.address = IpAddress::v6(address);
  out.link_local = link_local_of(out.mac);
  return out;
}

SegmentNumbers segment_numbers(const PartyId& party) {
  const auto hash = segment_hash(party);
  const std::uint32_t vni = std::uint32_t{hash[0]} << 16 | std::uint32_t{hash[1]} << 8 | hash[2];
  const unsigned port = unsigned{hash[3]} << 8 | hash[4];
  return {std::max(vni, 1u), static_cast<std::uint16_t>(kFirstPort + port % kPorts)};
}

Mac group_mac(const IpAddress& destination) {
  const auto bytes = destination.bytes();
  if (destination.is_v6()) return {0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]};
  if (!destination.is_multicast()) return kBroadcastMac;
  return {0x01, 0x00, 0x5e, static_cast<std::uint8_t>(bytes[1] & 0x7f), bytes[2], bytes[3]};
}

}  // namespace lanrage::lan
