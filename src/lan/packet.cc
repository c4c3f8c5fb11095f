#include "lan/packet.hpp"

#include <algorithm>

#include "base/udp_datagram.hpp"

namespace lanrage::lan {
namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kIpv6FragmentHeader = 8;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kChecksum = 6;  // within UDP's header
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIpv6Fragment = 44;
constexpr std::uint16_t kMoreFragments = 0x2000;  // IPv4
constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86dd;

std::uint16_t folded(std::uint32_t sum) {
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Of an even number of bytes.
std::uint32_t words_of(ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  return sum;
}

void put16(Bytes& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

std::optional<IpPacket> parse_ipv4(ByteView packet) {
  ByteReader reader(packet);
  const auto version_and_length = reader.u8();
  reader.u8();
  const std::size_t length = reader.u16();
  Fragment fragment{.id = reader.u16()};
  const auto flags_and_offset = reader.u16();
  IpPacket out;
  out.hop_limit = reader.u8();
  const auto protocol = reader.u8();
  reader.u16();
  out.source = IpAddress::v4(reader.array<4>());
  out.destination = IpAddress::v4(reader.array<4>());
  if (!reader.ok() || version_and_length != 0x45 || protocol != kUdp) return std::nullopt;
  if (length < kIpv4Header || length > packet.size()) return std::nullopt;
  fragment.offset = static_cast<std::uint16_t>((flags_and_offset & 0x1fff) * 8);
  fragment.more = (flags_and_offset & kMoreFragments) != 0;
  if (fragment.more || fragment.offset != 0) out.fragment = fragment;
  out.data = packet.first(length).subspan(kIpv4Header);
  return out;
}

std::optional<IpPacket> parse_ipv6(ByteView packet) {
  ByteReader reader(packet);
  const auto version = reader.u32() >> 28;
  const std::size_t length = reader.u16();
  auto next = reader.u8();
  IpPacket out;
  out.hop_limit = reader.u8();
  out.source = IpAddress::v6(reader.array<16>());
  out.destination = IpAddress::v6(reader.array<16>());
  if (!reader.ok() || version != 6 || length > packet.size() - kIpv6Header) return std::nullopt;
  out.data = packet.subspan(kIpv6Header, length);
  if (next == kIpv6Fragment) {
    ByteReader header(out.data);
    next = header.u8();
    header.u8();
    const auto offset_and_more = header.u16();
    const auto id = header.u32();
    if (!header.ok()) return std::nullopt;
    out.fragment = Fragment{id, static_cast<std::uint16_t>(offset_and_more & 0xfff8),
                            (offset_and_more & 1) != 0};
    out.data = out.data.subspan(kIpv6FragmentHeader);
  }
  // An IPv4-mapped address in a header is nobody's.
  if (next != kUdp || out.source.is_v4() || out.destination.is_v4()) return std::nullopt;
  return out;
}

Bytes ipv4_packet(const IpPacket& packet, const std::optional<Fragment>& fragment, ByteView data) {
  const auto place = fragment.value_or(Fragment{});
  ByteWriter out;
  out.u8(0x45).u8(0).u16(static_cast<std::uint16_t>(kIpv4Header + data.size()));
  out.u16(static_cast<std::uint16_t>(place.id));
  out.u16(static_cast<std::uint16_t>(place.offset / 8 | (place.more ? kMoreFragments : 0)));
  out.u8(packet.hop_limit).u8(kUdp).u16(0);
  out.raw(packet.source.bytes()).raw(packet.destination.bytes());
  put16(out.buffer(), 10, static_cast<std::uint16_t>(~folded(words_of(out.bytes()))));
  out.raw(data);
  return std::move(out).take();
}

Bytes ipv6_packet(const IpPacket& packet, const std::optional<Fragment>& fragment, ByteView data) {
  const auto size = data.size() + (fragment ? kIpv6FragmentHeader : 0);
  ByteWriter out;
  out.u32(std::uint32_t{6} << 28).u16(static_cast<std::uint16_t>(size));
  out.u8(fragment ? kIpv6Fragment : kUdp).u8(packet.hop_limit);
  out.raw(packet.source.bytes()).raw(packet.destination.bytes());
  if (fragment)
    out.u8(kUdp)
        .u8(0)
        .u16(static_cast<std::uint16_t>(fragment->offset | (fragment->more ? 1 : 0)))
        .u32(fragment->id);
  out.raw(data);
  return std::move(out).take();
}

}  // namespace

std::optional<IpPacket> parse_udp_packet(ByteView packet) {
  if (packet.empty()) return std::nullopt;
  auto out = packet[0] >> 4 == 4 ? parse_ipv4(packet) : parse_ipv6(packet);
  if (!out) return std::nullopt;
  if (out->is_first() && out->data.size() < kUdpHeader) return std::nullopt;
  // A whole one's length is said twice.
  if (!out->fragment && (out->data[4] << 8 | out->data[5]) != static_cast<int>(out->data.size()))
    return std::nullopt;
  const bool cut = out->fragment && out->fragment->more;
  if (cut && (out->data.empty() || out->data.size() % 8 != 0)) return std::nullopt;
  // What is put together has 16 bits for its length.
  if (out->fragment && out->fragment->offset + out->data.size() > 0xffff - kIpv4Header)
    return std::nullopt;
  return out;
}

UdpPorts ports_of(ByteView datagram) {
  ByteReader reader(datagram);
  const auto source = reader.u16();
  return {source, reader.u16()};
}

Bytes readdressed(const IpPacket& packet, const IpAddress& source, const IpAddress& destination) {
  Bytes out(packet.data.begin(), packet.data.end());
  if (!packet.is_first()) return out;
  const auto old = static_cast<std::uint16_t>(out[kChecksum] << 8 | out[kChecksum + 1]);
  std::uint16_t sum = 0;
  if (!packet.fragment) {
    put16(out, kChecksum, 0);
    sum = udp_checksum(source, destination, out);
  } else if (old == 0) {
    return out;  // without one
  } else {
    // HC' = ~(~HC + ~m + m')
    const auto before =
        folded(words_of(packet.source.bytes()) + words_of(packet.destination.bytes()));
    const auto after = folded(words_of(source.bytes()) + words_of(destination.bytes()));
    sum = static_cast<std::uint16_t>(~folded(std::uint32_t{static_cast<std::uint16_t>(~old)} +
                                             static_cast<std::uint16_t>(~before) + after));
  }
  put16(out, kChecksum, sum == 0 ? 0xffff : sum);  // zero on the wire means: none
  return out;
}

std::vector<Bytes> ethernet_frames(const IpPacket& packet, const Mac& from, const Mac& to,
                                   std::uint32_t mtu, std::uint32_t id) {
  const bool v4 = packet.source.is_v4();
  const auto frame = [&](const std::optional<Fragment>& fragment, ByteView data) {
    ByteWriter out;
    out.raw(to).raw(from).u16(v4 ? kEtherIpv4 : kEtherIpv6);
    out.raw(v4 ? ipv4_packet(packet, fragment, data) : ipv6_packet(packet, fragment, data));
    return std::move(out).take();
  };
  const auto header = v4 ? kIpv4Header : kIpv6Header;
  if (!packet.fragment && header + packet.data.size() <= mtu) return {frame({}, packet.data)};
  const auto whole = packet.fragment.value_or(Fragment{.id = id});
  const auto room = (mtu - header - (v4 ? 0 : kIpv6FragmentHeader)) / 8 * 8;
  std::vector<Bytes> out;
  std::size_t at = 0;
  do {
    const auto size = std::min(room, packet.data.size() - at);
    const bool last = at + size == packet.data.size();
    const Fragment part{whole.id, static_cast<std::uint16_t>(whole.offset + at),
                        !last || whole.more};
    out.push_back(frame(part, packet.data.subspan(at, size)));
    at += size;
  } while (at < packet.data.size());
  return out;
}

}  // namespace lanrage::lan
