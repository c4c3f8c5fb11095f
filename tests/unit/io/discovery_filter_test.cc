// The program, attached to a socket whose datagrams are the IP packets that it looks at.
#include "io/discovery_filter.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/udp_datagram.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::io {
namespace {

using namespace std::string_view_literals;

class DiscoveryFilterTest : public testing::Test {
 protected:
  DiscoveryFilterTest() {
    attach({{.from = {27960, 8303}, .to = {}, .starts = {{0xffff, 0xffff}, {0x1c00, 0xff00}}},
            {.from = {}, .to = {4445}, .starts = {{'[' << 8 | 'M', 0xffff}}}});
  }

  void attach(const std::vector<DiscoveryTraffic>& kinds) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
    in_ = UniqueFd(pair[0]);
    out_ = UniqueFd(pair[1]);
    auto program = discovery_filter(kinds);
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    ASSERT_EQ(::setsockopt(out_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
  }

  static Bytes packet(std::uint16_t from, std::uint16_t to, std::string_view payload,
                      std::uint8_t options = 0) {
    const auto source = IpAddress::v4(0x0a420001), destination = IpAddress::v4(0x0a420002);
    const auto datagram = udp_datagram({source, from}, {destination, to}, as_bytes(payload));
    ByteWriter out;
    out.u8(static_cast<std::uint8_t>(0x45 + options))
        .u8(0)
        .u16(static_cast<std::uint16_t>(20 + 4 * options + datagram.size()));
    out.u16(1).u16(0x4000).u8(64).u8(17).u16(0).raw(source.bytes()).raw(destination.bytes());
    for (int i = 0; i < options; ++i)
      out.u32(0x01010101);
    return std::move(out.raw(datagram)).take();
  }
  bool passes(const Bytes& packet) {
    ::send(in_.get(), packet.data(), packet.size(), 0);
    std::array<std::uint8_t, 2048> buffer;
    const auto size = ::recv(out_.get(), buffer.data(), buffer.size(), 0);
    EXPECT_TRUE(size < 0 || static_cast<std::size_t>(size) == packet.size()) << "cut off";
    return size >= 0;
  }

  UniqueFd in_, out_;
};

TEST_F(DiscoveryFilterTest, LetsDiscoveryBy) {
  EXPECT_TRUE(passes(packet(27960, 50000, "\xff\xff\xff\xffinfoResponse")));
  EXPECT_TRUE(passes(packet(50000, 4445, "[MOTD]")));
  EXPECT_TRUE(passes(packet(8303, 50000, "\x1c\x01")));
  EXPECT_TRUE(passes(packet(27960, 50000, "\xff\xff"))) << "no more than its start";
  EXPECT_TRUE(passes(packet(27960, 50000, "\xff\xff\xff\xff", 3))) << "with IP options";
}

TEST_F(DiscoveryFilterTest, AndNothingElse) {
  EXPECT_FALSE(passes(packet(27960, 50000, "\x05\0\0\0game"sv))) << "the game itself";
  EXPECT_FALSE(passes(packet(50000, 27960, "\xff\xff\xff\xffgetinfo"))) << "a question";
  EXPECT_FALSE(passes(packet(4445, 50000, "[MOTD]")));
  EXPECT_FALSE(passes(packet(50000, 50001, "\xff\xff\xff\xff")));
  EXPECT_FALSE(passes(packet(27960, 50000, ""))) << "empty";
  EXPECT_FALSE(passes(packet(27960, 50000, "\xff")));
  EXPECT_FALSE(passes(packet(27960, 50000, "[MOTD]"))) << "another kind's start";
  EXPECT_FALSE(passes(packet(50000, 4445, "\x1c\x01")));
}

TEST_F(DiscoveryFilterTest, OnlyWholeUdpOverIpv4) {
  auto other = packet(27960, 50000, "\xff\xff\xff\xff");
  other[9] = 6;
  EXPECT_FALSE(passes(other)) << "TCP";
  for (const auto& [high, low] : {std::pair{0x20, 0}, {0, 1}, {0x1f, 0xff}}) {
    other = packet(27960, 50000, "\xff\xff\xff\xff");
    other[6] = static_cast<std::uint8_t>(high);
    other[7] = static_cast<std::uint8_t>(low);
    EXPECT_FALSE(passes(other)) << "a fragment";
  }
  other = packet(27960, 50000, "\xff\xff\xff\xff");
  other[0] = 0x65;
  EXPECT_FALSE(passes(other)) << "IPv6";
  other.resize(18);
  EXPECT_FALSE(passes(other));
}

TEST_F(DiscoveryFilterTest, TakesAsMuchAsItSays) {
  std::vector<DiscoveryTraffic> kinds;
  for (std::uint16_t i = 0; i < 32; ++i)
    kinds.push_back({.from = {static_cast<std::uint16_t>(1000 + i)},
                     .to = {static_cast<std::uint16_t>(2000 + i)},
                     .starts = {{static_cast<std::uint16_t>(('A' + i) << 8), 0xff00}}});
  attach(kinds);
  for (std::uint16_t i = 0; i < 32; ++i) {
    const std::string start(2, static_cast<char>('A' + i));
    EXPECT_TRUE(passes(packet(1000 + i, 5000, start))) << i;
    EXPECT_TRUE(passes(packet(5000, 2000 + i, start))) << i;
    EXPECT_FALSE(passes(packet(1000 + i, 5000, "zz"))) << i;
    EXPECT_FALSE(passes(packet(5000, 2000 + i, "zz"))) << i;
  }
}

}  // namespace
}  // namespace lanrage::io
