// UDP datagrams as Ethernet frames, and back.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace lanrage::xdp::test {

using Mac = std::array<std::uint8_t, 6>;

struct Frame {
  Mac to{};
  Mac from{};
  Endpoint source;
  Endpoint destination;
  std::uint8_t hops = 64;
  bool checksum = true;
  Bytes payload;
};

// One's complement sum, not complemented.
inline std::uint32_t add_words(std::uint32_t sum, ByteView bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i]) << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0);
  while (sum > 0xFFFF)
    sum = (sum & 0xFFFF) + (sum >> 16);
  return sum;
}

inline std::uint16_t udp_checksum(const Endpoint& from, const Endpoint& to, ByteView udp) {
  std::uint32_t sum = 17 + static_cast<std::uint32_t>(udp.size());
  sum = add_words(sum, from.address.bytes());
  sum = add_words(sum, to.address.bytes());
  sum = add_words(sum, udp);
  const auto out = static_cast<std::uint16_t>(~sum);
  return out != 0 ? out : 0xFFFF;
}

inline Bytes encode(const Frame& frame) {
  ByteWriter udp;
  udp.u16(frame.source.port).u16(frame.destination.port);
  udp.u16(static_cast<std::uint16_t>(8 + frame.payload.size())).u16(0).raw(frame.payload);
  Bytes datagram = std::move(udp).take();
  if (frame.checksum) {
    const auto sum = udp_checksum(frame.source, frame.destination, datagram);
    datagram[6] = static_cast<std::uint8_t>(sum >> 8);
    datagram[7] = static_cast<std::uint8_t>(sum);
  }
  ByteWriter out;
  out.raw(frame.to).raw(frame.from);
  const auto& from = frame.source.address;
  if (from.is_v4()) {
    ByteWriter ip;
    ip.u8(0x45).u8(0).u16(static_cast<std::uint16_t>(20 + datagram.size())).u16(7).u16(0x4000);
    ip.u8(frame.hops).u8(17).u16(0).raw(from.bytes()).raw(frame.destination.address.bytes());
    Bytes header = std::move(ip).take();
    const auto sum = static_cast<std::uint16_t>(~add_words(0, header));
    header[10] = static_cast<std::uint8_t>(sum >> 8);
    header[11] = static_cast<std::uint8_t>(sum);
    out.u16(0x0800).raw(header);
  } else {
    out.u16(0x86DD).u32(0x60000000).u16(static_cast<std::uint16_t>(datagram.size())).u8(17);
    out.u8(frame.hops).raw(from.bytes()).raw(frame.destination.address.bytes());
  }
  out.raw(datagram);
  return std::move(out).take();
}

// Nothing for a frame that isn't whole or has a wrong checksum.
inline std::optional<Frame> decode(ByteView bytes) {
  if (bytes.size() < 42) return std::nullopt;
  Frame out;
  std::copy_n(bytes.begin(), 6, out.to.begin());
  std::copy_n(bytes.begin() + 6, 6, out.from.begin());
  const bool v4 = bytes[12] == 0x08;
  const std::size_t header = v4 ? 20 : 40;
  const ByteView ip = bytes.subspan(14, header);
  if (v4 && add_words(0, ip) != 0xFFFF) return std::nullopt;
  out.hops = ip[v4 ? 8 : 7];
  const auto address = [&](std::size_t at) {
    if (v4) return IpAddress::v4(ByteReader(ip.subspan(at, 4)).u32());
    ByteArray<16> v6{};
    std::copy_n(ip.begin() + static_cast<std::ptrdiff_t>(at), 16, v6.begin());
    return IpAddress::v6(v6);
  };
  const ByteView udp = bytes.subspan(14 + header);
  ByteReader reader(udp);
  const auto from_port = reader.u16();
  const auto to_port = reader.u16();
  if (reader.u16() != udp.size()) return std::nullopt;
  out.source = {address(v4 ? 12 : 8), from_port};
  out.destination = {address(v4 ? 16 : 24), to_port};
  out.checksum = reader.u16() != 0;
  Bytes copy(udp.begin(), udp.end());
  copy[6] = copy[7] = 0;
  if (out.checksum && udp_checksum(out.source, out.destination, copy) != (udp[6] << 8 | udp[7]))
    return std::nullopt;
  out.payload.assign(udp.begin() + 8, udp.end());
  return out;
}

}  // namespace lanrage::xdp::test
