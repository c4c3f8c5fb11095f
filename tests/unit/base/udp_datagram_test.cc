#include "base/udp_datagram.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace lanrage {
namespace {

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

// By hand: 0a00 0001 + 0a00 0002 + 0011 + 000c (pseudo header) + 04d2 162e 000c 0000 (header)
// + 7465 7374 ("test") = 0x1(1b6d), folded and inverted.
TEST(UdpDatagram, HasTheChecksumOfTheRfc) {
  const auto datagram =
      udp_datagram(endpoint("10.0.0.1:1234"), endpoint("10.0.0.2:5678"), as_bytes("test"));
  std::uint32_t sum = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 0x0011 + 0x000c + 0x04d2 + 0x162e +
                      0x000c + 0x7465 + 0x7374;
  sum = (sum & 0xffff) + (sum >> 16);
  const auto expected = static_cast<std::uint16_t>(~sum);
  EXPECT_EQ(to_hex(datagram),
            "04d2162e000c" + to_hex(Bytes{std::uint8_t(expected >> 8), std::uint8_t(expected)}) +
                to_hex(as_bytes("test")));
}

TEST(UdpDatagram, ChecksAsRightForEveryLengthAndFamily) {
  for (auto [from, to] : {std::pair{"192.0.2.1:7", "198.51.100.3:65535"},
                          {"[2001:db8::1]:51820", "[fd00::2]:3478"}}) {
    for (std::size_t size = 0; size < 300; ++size) {
      Bytes payload(size);
      for (std::size_t i = 0; i < size; ++i)
        payload[i] = static_cast<std::uint8_t>(i * 37 + size);
      const auto datagram = udp_datagram(endpoint(from), endpoint(to), payload);
      EXPECT_EQ(udp_checksum(endpoint(from).address, endpoint(to).address, datagram), 0);
      const auto parsed = parse_udp(datagram);
      ASSERT_TRUE(parsed);
      EXPECT_EQ(Bytes(parsed->payload.begin(), parsed->payload.end()), payload);
      EXPECT_EQ(parsed->source_port, endpoint(from).port);
      EXPECT_EQ(parsed->destination_port, endpoint(to).port);
    }
  }
}

TEST(UdpDatagram, NeverHasTheChecksumZeroThatMeansNone) {
  for (std::uint32_t value = 0; value < 65536; ++value) {
    const Bytes payload{static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
    const auto datagram = udp_datagram(endpoint("10.0.0.1:1"), endpoint("10.0.0.2:2"), payload);
    ASSERT_FALSE(datagram[6] == 0 && datagram[7] == 0) << value;
  }
}

TEST(ParseUdp, RefusesWrongLengths) {
  auto datagram = udp_datagram(endpoint("10.0.0.1:1"), endpoint("10.0.0.2:2"), Bytes(20));
  for (std::size_t size = 0; size < datagram.size(); ++size)
    EXPECT_FALSE(parse_udp(ByteView(datagram).first(size))) << size;
  datagram.push_back(0);  // Ethernet pads short packets
  EXPECT_EQ(parse_udp(datagram)->payload.size(), 20u);
  datagram[5] = 7;
  EXPECT_FALSE(parse_udp(datagram));
}

Bytes ipv4_packet(std::size_t options) {
  ByteWriter out;
  const auto header = 20 + options;
  out.u8(static_cast<std::uint8_t>(0x40 | header / 4)).u8(0).u16(0).u32(0).u8(64).u8(17).u16(0);
  out.raw(Bytes{192, 0, 2, 1}).raw(Bytes{198, 51, 100, 3}).raw(Bytes(options, 1));
  out.raw(udp_datagram(endpoint("192.0.2.1:7"), endpoint("198.51.100.3:8"), as_bytes("payload")));
  return std::move(out).take();
}

TEST(ParseIpv4, FindsThePayloadBehindOptions) {
  for (std::size_t options = 0; options <= 40; options += 4) {
    const auto packet = ipv4_packet(options);
    const auto parsed = parse_ipv4_udp(packet);
    ASSERT_TRUE(parsed) << options;
    EXPECT_EQ(parsed->source.to_string(), "192.0.2.1");
    EXPECT_EQ(parsed->destination.to_string(), "198.51.100.3");
    EXPECT_EQ(as_text(parsed->udp.payload), "payload");
    for (std::size_t size = 0; size < packet.size(); ++size)
      EXPECT_FALSE(parse_ipv4_udp(ByteView(packet).first(size))) << size;
  }
}

TEST(ParseIpv4, RefusesFragmentsOtherProtocolsAndVersions) {
  for (auto [offset, value] :
       {std::pair{6, 0x20}, {6, 0x01}, {7, 0x01}, {9, 6}, {0, 0x65}, {0, 0x44}}) {
    auto packet = ipv4_packet(0);
    packet[static_cast<std::size_t>(offset)] = static_cast<std::uint8_t>(value);
    EXPECT_FALSE(parse_ipv4_udp(packet)) << offset << " " << value;
  }
  auto unfragmented = ipv4_packet(0);
  unfragmented[6] = 0x40;  // don't fragment
  EXPECT_TRUE(parse_ipv4_udp(unfragmented));
}

TEST(ParseIpv6, ReadsAddressesAndRefusesExtensionHeaders) {
  ByteWriter out;
  const auto from = endpoint("[2001:db8::1]:7");
  const auto to = endpoint("[fd00::2]:8");
  const auto datagram = udp_datagram(from, to, as_bytes("payload"));
  out.u32(0x60000000).u16(static_cast<std::uint16_t>(datagram.size())).u8(17).u8(64);
  out.raw(from.address.bytes()).raw(to.address.bytes()).raw(datagram);
  auto packet = std::move(out).take();
  const auto parsed = parse_ipv6_udp(packet);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->source, from.address);
  EXPECT_EQ(parsed->destination, to.address);
  EXPECT_EQ(as_text(parsed->udp.payload), "payload");
  for (std::size_t size = 0; size < packet.size(); ++size)
    EXPECT_FALSE(parse_ipv6_udp(ByteView(packet).first(size))) << size;
  packet[6] = 44;  // a fragment header follows
  EXPECT_FALSE(parse_ipv6_udp(packet));
}

}  // namespace
}  // namespace lanrage
