// A segment of a few members, and packets on their machines.
#pragma once

#include <string_view>
#include <vector>

#include "base/udp_datagram.hpp"
#include "lan/packet.hpp"
#include "lan/segment.hpp"

namespace lanrage::lan::test {

inline IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}
inline Prefix vips() {
  return Prefix::parse("10.66.0.0/16").value();
}
inline PartyId some_party(std::uint8_t fill = 1) {
  PartyId out;
  out.bytes.fill(fill);
  return out;
}

// Member `number` has VIP 10.66.0.NUMBER and underlay fd00::NUMBER.
inline Member member(std::uint8_t number) {
  Member out;
  out.wireguard.bytes.fill(number);
  out.vip = IpAddress::v4(0x0a420000u + number);
  ByteArray<16> underlay{0xfd};
  underlay.back() = number;
  out.underlay = IpAddress::v6(underlay);
  return out;
}
inline Segment segment_with(const Member& self, const std::vector<Member>& others) {
  return make_segment(some_party(), vips(), self, others, 1420);
}
inline Segment segment_of(std::uint8_t self, const std::vector<std::uint8_t>& others,
                          std::uint32_t tunnel_mtu = 1420) {
  std::vector<Member> members;
  for (const auto number : others)
    members.push_back(member(number));
  return make_segment(some_party(), vips(), member(self), members, tunnel_mtu);
}

inline Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

struct IpOptions {
  std::uint16_t id = 0x1234;
  std::uint16_t flags_and_offset = 0x4000;  // IPv4; don't fragment, as Linux sends
  std::uint8_t hop_limit = 1;
};

inline Bytes ip_header(const IpAddress& from, const IpAddress& to, std::size_t size,
                       const IpOptions& options = {}) {
  ByteWriter out;
  if (from.is_v4())
    out.u8(0x45)
        .u8(0)
        .u16(static_cast<std::uint16_t>(20 + size))
        .u16(options.id)
        .u16(options.flags_and_offset)
        .u8(options.hop_limit)
        .u8(17)
        .u16(0);
  else
    out.u32(0x60000000).u16(static_cast<std::uint16_t>(size)).u8(17).u8(options.hop_limit);
  out.raw(from.bytes()).raw(to.bytes());
  auto header = std::move(out).take();
  if (!from.is_v4()) return header;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < header.size(); i += 2)
    sum += static_cast<std::uint32_t>(header[i] << 8 | header[i + 1]);
  sum = ~((sum & 0xffff) + (sum >> 16));
  header[10] = static_cast<std::uint8_t>(sum >> 8);
  header[11] = static_cast<std::uint8_t>(sum);
  return header;
}

inline Bytes udp_packet(const Endpoint& from, const Endpoint& to, ByteView payload,
                        const IpOptions& options = {}) {
  const auto datagram = udp_datagram(from, to, payload);
  Bytes out = ip_header(from.address, to.address, datagram.size(), options);
  out.insert(out.end(), datagram.begin(), datagram.end());
  return out;
}
inline Bytes udp_packet(std::string_view from, std::string_view to, std::string_view payload) {
  return udp_packet(endpoint(from), endpoint(to), as_bytes(payload));
}

// What a receiver's stack makes of frames: the datagram that their packets carry together.
inline Bytes joined(const std::vector<Bytes>& frames) {
  Bytes out;
  for (const auto& frame : frames) {
    const auto packet = parse_udp_packet(ByteView(frame).subspan(14));
    if (!packet) return {};
    if ((packet->fragment ? packet->fragment->offset : 0u) != out.size()) return {};
    out.insert(out.end(), packet->data.begin(), packet->data.end());
  }
  return out;
}

}  // namespace lanrage::lan::test
