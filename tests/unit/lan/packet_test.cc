#include "lan/packet.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <tuple>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "some_segment.hpp"

namespace lanrage::lan {
namespace {

using namespace test;

constexpr Mac kFrom{2, 0, 0, 0, 0, 1};

Bytes payload_of(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::uint8_t>(i * 7);
  return out;
}

// The sum of an IPv4 header's words, its checksum among them.
std::uint32_t header_sum(ByteView packet) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 20; i += 2)
    sum += static_cast<std::uint32_t>(packet[i] << 8 | packet[i + 1]);
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

TEST(ParseUdpPacket, ReadsBothFamilies) {
  for (const auto& [from, to] : {std::pair{"192.168.1.5:5000", "255.255.255.255:27015"},
                                 {"[fe80::5]:5000", "[ff02::4fd:1234]:27015"}}) {
    const auto bytes = udp_packet(from, to, "hello");
    const auto packet = parse_udp_packet(bytes);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->source, endpoint(from).address);
    EXPECT_EQ(packet->destination, endpoint(to).address);
    EXPECT_FALSE(packet->fragment);
    EXPECT_EQ(ports_of(packet->data).source, 5000);
    EXPECT_EQ(ports_of(packet->data).destination, 27015);
    EXPECT_EQ(as_text(packet->data.subspan(8)), "hello");
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(parse_udp_packet(ByteView(bytes).first(size))) << size;
    auto padded = bytes;
    padded.resize(bytes.size() + 18);
    EXPECT_EQ(parse_udp_packet(padded)->data.size(), packet->data.size());
  }
}

TEST(ParseUdpPacket, RefusesWhatIsntPlainUdp) {
  const auto good = udp_packet("192.168.1.5:1", "255.255.255.255:2", "hello");
  for (const auto& [offset, value] : {std::pair{0, 0x46}, {0, 0x65}, {9, 6}, {25, 12}, {25, 14}}) {
    auto bad = good;
    bad[static_cast<std::size_t>(offset)] = static_cast<std::uint8_t>(value);
    EXPECT_FALSE(parse_udp_packet(bad)) << offset << " " << value;
  }
  auto v6 = udp_packet("[fe80::5]:1", "[ff02::4fd:1]:2", "hello");
  v6[6] = 0;  // hop-by-hop options
  EXPECT_FALSE(parse_udp_packet(v6));
}

TEST(Readdressed, RightsTheChecksumWhateverItWas) {
  for (const auto& [from, to, source] :
       {std::tuple{"192.168.1.5:5000", "224.0.2.60:4445", "10.66.0.1"},
        {"[fe80::5]:5000", "[ff02::4fd:1]:9", "fe80::77"}}) {
    auto bytes = udp_packet(from, to, "left to the network card");
    const auto header = endpoint(from).address.is_v4() ? 20u : 40u;
    bytes[header + 6] = 0xab;  // the pseudo header's sum, say
    const auto packet = parse_udp_packet(bytes);
    ASSERT_TRUE(packet);
    const auto moved = readdressed(*packet, address(source), packet->destination);
    EXPECT_EQ(udp_checksum(address(source), packet->destination, moved), 0);
  }
}

// RFC 768: a sum of zero is sent as all ones, since zero means that there is none.
TEST(Readdressed, NeverLeavesTheChecksumOut) {
  for (std::uint32_t value = 0; value < 0x10000; ++value) {
    const Bytes payload{static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
    const auto bytes =
        udp_packet(endpoint("192.168.1.5:5000"), endpoint("224.0.2.60:4445"), payload);
    const auto packet = parse_udp_packet(bytes);
    const auto out = readdressed(*packet, address("10.66.0.1"), packet->destination);
    ASSERT_NE(out[6] | out[7], 0) << value;
  }
}

TEST(EthernetFrames, CarryASmallPacketWhole) {
  const auto bytes = udp_packet("192.168.1.5:5000", "255.255.255.255:9", "hello");
  const auto packet = parse_udp_packet(bytes);
  const auto frames = ethernet_frames(*packet, kFrom, kBroadcastMac, 1350, 5);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(to_hex(ByteView(frames[0]).first(14)), "ffffffffffff0200000000010800");
  const auto ip = ByteView(frames[0]).subspan(14);
  EXPECT_EQ(header_sum(ip), 0xffffu);
  EXPECT_EQ(ip[6], 0) << "without DF: the kernel there may have to cut it";
  EXPECT_EQ(ip[8], 1) << "the hop limit stays";
  EXPECT_EQ(joined(frames), Bytes(packet->data.begin(), packet->data.end()));
}

// Property: whatever the size, frames fit and are together what was sent, also when the packet was
// a fragment already.
TEST(EthernetFrames, FitTheMtuAndJoinToTheSame) {
  SeededRandom random(7);
  for (int round = 0; round < 400; ++round) {
    const bool v4 = random.below(2) == 0;
    const auto mtu = static_cast<std::uint32_t>(1280 + random.below(200));
    const auto payload = payload_of(random.below(9000));
    const auto bytes = udp_packet(endpoint(v4 ? "192.168.1.5:5000" : "[fe80::5]:5000"),
                                  endpoint(v4 ? "255.255.255.255:9" : "[ff02::4fd:1]:9"), payload);
    const auto packet = parse_udp_packet(bytes);
    ASSERT_TRUE(packet);
    const auto frames = ethernet_frames(*packet, kFrom, kBroadcastMac, mtu, 77);
    EXPECT_EQ(joined(frames), Bytes(packet->data.begin(), packet->data.end()));
    // Each frame once more, for a smaller MTU.
    std::vector<Bytes> again;
    for (const auto& frame : frames) {
      EXPECT_LE(frame.size(), mtu + 14);
      const auto part = parse_udp_packet(ByteView(frame).subspan(14));
      ASSERT_TRUE(part);
      EXPECT_EQ(part->fragment.has_value(), frames.size() > 1);
      if (part->fragment) EXPECT_EQ(part->fragment->id, 77u);
      for (auto& smaller : ethernet_frames(*part, kFrom, kBroadcastMac, 700, 78))
        again.push_back(std::move(smaller));
    }
    EXPECT_EQ(joined(again), Bytes(packet->data.begin(), packet->data.end()));
    EXPECT_FALSE(
        parse_udp_packet(ByteView(again.back()).subspan(14))->fragment.value_or(Fragment{}).more);
    if (HasFailure()) return;
  }
}

TEST(Readdressed, KeepsTheChecksumOfAFragmentedDatagramRight) {
  for (const bool v4 : {true, false})
    for (std::size_t size = 3000; size < 3020; ++size) {
      const auto payload = payload_of(size);
      const auto bytes = udp_packet(endpoint(v4 ? "192.168.1.5:5000" : "[fe80::5]:5000"),
                                    endpoint(v4 ? "224.0.2.60:9" : "[ff02::4fd:1]:9"), payload);
      const auto source = address(v4 ? "10.66.0.1" : "fe80::77:1");
      const auto destination = address(v4 ? "10.66.255.255" : "ff02::4fd:2");
      const auto whole = parse_udp_packet(bytes);
      Bytes out;
      for (const auto& frame : ethernet_frames(*whole, kFrom, kBroadcastMac, 1500, 3)) {
        const auto part = parse_udp_packet(ByteView(frame).subspan(14));
        ASSERT_TRUE(part && part->fragment);
        const auto data = readdressed(*part, source, destination);
        out.insert(out.end(), data.begin(), data.end());
      }
      EXPECT_EQ(udp_checksum(source, destination, out), 0) << size;
    }
}

TEST(Readdressed, LeavesAFragmentWithoutAChecksumWithout) {
  auto bytes = udp_packet(endpoint("192.168.1.5:5000"), endpoint("255.255.255.255:9"),
                          payload_of(16), {.flags_and_offset = 0x2000});
  bytes[26] = bytes[27] = 0;
  const auto packet = parse_udp_packet(bytes);
  ASSERT_TRUE(packet && packet->fragment);
  const auto out = readdressed(*packet, address("10.66.0.1"), packet->destination);
  EXPECT_EQ(out[6] | out[7], 0);
}

}  // namespace
}  // namespace lanrage::lan
