#include "lan/copier.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>

#include "base/random.hpp"
#include "some_segment.hpp"

namespace lanrage::lan {
namespace {

using namespace test;
using namespace std::chrono_literals;

constexpr std::uint32_t kEthernet = 2;
constexpr std::uint32_t kWireless = 3;
constexpr std::string_view kHome = "192.168.1.5:5000";
constexpr std::string_view kEverybody = "255.255.255.255:27015";

class CopierTest : public testing::Test {
 protected:
  CopierTest() {
    copier_.set_elsewhere({.addresses = {address("192.168.1.5"), address("192.168.2.5"),
                                         address("fe80::5"), address("2001:db8::5")},
                           .broadcasts = {address("192.168.1.255"), address("192.168.2.255")}});
  }
  Decision sent(std::string_view from, std::string_view to, std::string_view payload = "hello",
                std::uint32_t interface = kEthernet) {
    return copier_.on_sent(now_, interface, udp_packet(from, to, payload));
  }
  IpPacket only(const Decision& decision) {
    EXPECT_EQ(decision.verdict, Verdict::copied) << name_of(decision.verdict);
    EXPECT_EQ(decision.frames.size(), 1u);
    const auto packet = parse_udp_packet(ByteView(decision.frames.at(0)).subspan(14));
    EXPECT_TRUE(packet);
    return packet.value_or(IpPacket{});
  }

  const Segment segment_ = segment_of(1, {2, 3});
  Instant now_{1h};
  Copier copier_{segment_, now_};
};

TEST_F(CopierTest, GivesACopyTheVirtualIpForASource) {
  const auto decision = sent(kHome, kEverybody);
  const auto packet = only(decision);
  EXPECT_EQ(packet.source, segment_.self.vip);
  EXPECT_EQ(packet.destination, address("255.255.255.255"));
  EXPECT_EQ(ports_of(packet.data).source, 5000);
  EXPECT_EQ(as_text(packet.data.subspan(8)), "hello");
  EXPECT_EQ(udp_checksum(packet.source, packet.destination, packet.data), 0);
  const ByteView frame(decision.frames[0]);
  EXPECT_TRUE(std::ranges::equal(frame.first(6), kBroadcastMac));
  EXPECT_TRUE(std::ranges::equal(frame.subspan(6, 6), segment_.self.mac));
}

TEST_F(CopierTest, CopiesMulticastOfBothFamilies) {
  EXPECT_EQ(only(sent(kHome, "224.0.2.60:4445")).source, segment_.self.vip);
  EXPECT_EQ(only(sent("[fe80::5]:5000", "[ff75:230::60]:4445")).source, segment_.self.link_local);
  EXPECT_EQ(only(sent("[2001:db8::5]:5000", "[ff05::4fd:1]:4445")).source, segment_.self.address);
}

TEST_F(CopierTest, CopiesNothingElse) {
  EXPECT_EQ(sent(kHome, "192.168.3.255:27015").verdict, Verdict::other)
      << "a host's, for all we know";
  EXPECT_EQ(sent(kHome, "192.168.1.7:27015").verdict, Verdict::other);
  EXPECT_EQ(copier_.on_sent(now_, kEthernet, as_bytes("no packet")).verdict, Verdict::other);
}

// BZFlag asks the network of the first interface that has one, and nobody else.
TEST_F(CopierTest, MakesTheBroadcastOfAnotherNetworkOneOfTheSegment) {
  const auto decision = sent(kHome, "192.168.1.255:5154");
  const auto packet = only(decision);
  EXPECT_EQ(packet.source, segment_.self.vip);
  EXPECT_EQ(packet.destination, address("10.66.255.255"));
  EXPECT_EQ(as_text(packet.data.subspan(8)), "hello");
  EXPECT_EQ(udp_checksum(packet.source, packet.destination, packet.data), 0);
  EXPECT_EQ(sent("192.168.2.5:5000", "192.168.2.255:5154", "hello", kWireless).verdict,
            Verdict::duplicate)
      << "a program that asks each network";
  EXPECT_EQ(sent("192.168.1.77:5000", "192.168.1.255:5154").verdict, Verdict::not_ours);
  EXPECT_EQ(sent(kHome, "192.168.1.255:137").verdict, Verdict::quiet);
  copier_.on_sent_here(now_, udp_packet("10.66.0.1:5000", "10.66.255.255:5154", "hello"));
  EXPECT_EQ(sent(kHome, "192.168.1.255:5154").verdict, Verdict::served);
}

TEST_F(CopierTest, CopiesOnlyWhatThisMachineSent) {
  EXPECT_EQ(sent("192.168.1.77:5000", kEverybody).verdict, Verdict::not_ours) << "a router's";
  EXPECT_EQ(sent("10.66.0.2:5000", kEverybody).verdict, Verdict::not_ours);
}

// Should the LAN device ever be bridged with another: its copies come by there.
TEST_F(CopierTest, NeverCopiesItsOwnCopies) {
  copier_.set_elsewhere(
      {.addresses = {address("192.168.1.5"), segment_.self.vip, segment_.self.link_local},
       .broadcasts = {address("192.168.1.255"), address("10.66.255.255")}});
  for (const auto* to : {"255.255.255.255:27015", "192.168.1.255:27015", "224.0.2.60:4445"})
    for (const auto& frame : sent(kHome, to).frames)
      EXPECT_EQ(copier_.on_sent(now_, kWireless, ByteView(frame).subspan(14)).verdict,
                Verdict::not_ours);
  EXPECT_EQ(sent("10.66.0.1:5000", kEverybody).verdict, Verdict::not_ours);
}

TEST_F(CopierTest, LeavesAloneWhatBelongsToTheHomeNetwork) {
  for (const auto* to : {"224.0.0.251:5353", "224.0.0.1:9", "239.255.255.250:9",
                         "255.255.255.255:67", "255.255.255.255:137", "255.255.255.255:161",
                         "255.255.255.255:17500", "224.0.2.60:1900", "255.255.255.255:8667"})
    EXPECT_EQ(sent(kHome, to).verdict, Verdict::quiet) << to;
  for (const auto* to : {"[ff02::fb]:9", "[ff02::1:3]:9", "[ff02::1:2]:9", "[ff05::c]:9",
                         "[ff01::4fd:1]:9", "[ff02::4fd:1]:5353"})
    EXPECT_EQ(sent("[fe80::5]:5000", to).verdict, Verdict::quiet) << to;
}

TEST_F(CopierTest, CopiesOnceWhatGoesOutOnEachInterface) {
  EXPECT_EQ(sent(kHome, kEverybody).verdict, Verdict::copied);
  EXPECT_EQ(sent("192.168.2.5:5000", kEverybody, "hello", kWireless).verdict, Verdict::duplicate);
  EXPECT_EQ(sent("192.168.2.5:5000", kEverybody, "other", kWireless).verdict, Verdict::copied);
  now_ += kDuplicate;
  EXPECT_EQ(sent("192.168.2.5:5000", kEverybody, "hello", kWireless).verdict, Verdict::copied);
}

TEST_F(CopierTest, CopiesEachTimeAProgramSaysTheSameAgain) {
  for (int i = 0; i < 20; ++i, now_ += 50ms) {
    EXPECT_EQ(sent(kHome, kEverybody).verdict, Verdict::copied) << i;
    EXPECT_EQ(sent("192.168.2.5:5000", kEverybody, "hello", kWireless).verdict, Verdict::duplicate);
  }
}

TEST_F(CopierTest, CopiesNothingForAProgramThatKnowsTheSegment) {
  for (const auto* here : {"255.255.255.255:27015", "10.66.255.255:27015"}) {
    copier_.on_sent_here(now_, udp_packet("10.66.0.1:5000", here, "hello"));
    EXPECT_EQ(sent(kHome, kEverybody).verdict, Verdict::served) << here;
    now_ += kServed;
    EXPECT_EQ(sent(kHome, kEverybody).verdict, Verdict::copied) << here;
  }
  copier_.on_sent_here(now_, udp_packet("10.66.0.1:5000", "224.0.2.60:4445", "hello"));
  EXPECT_EQ(sent(kHome, "224.0.2.60:4445").verdict, Verdict::served);
  EXPECT_EQ(sent(kHome, "224.0.2.61:4445").verdict, Verdict::copied) << "another group";
  EXPECT_EQ(sent("192.168.1.5:5001", "224.0.2.60:4445").verdict, Verdict::copied)
      << "another program";
  copier_.on_sent_here(now_, udp_packet("10.66.0.1:6000", "10.66.0.2:27015", "hello"));
  EXPECT_EQ(sent("192.168.1.5:6000", kEverybody).verdict, Verdict::copied)
      << "unicast tells nothing";
}

TEST_F(CopierTest, CutsWhatIsTooLongForTheSegment) {
  const std::string payload(1400, 'x');
  const auto decision = sent(kHome, kEverybody, payload);
  ASSERT_EQ(decision.frames.size(), 2u);
  for (const auto& frame : decision.frames)
    EXPECT_LE(frame.size(), segment_.mtu + 14);
  const auto datagram = joined(decision.frames);
  EXPECT_EQ(as_text(ByteView(datagram).subspan(8)), payload);
  EXPECT_EQ(udp_checksum(segment_.self.vip, address("255.255.255.255"), datagram), 0);
  const auto next = sent(kHome, kEverybody, payload);
  ASSERT_EQ(next.frames.size(), 2u);
  const auto id = [](const Bytes& frame) {
    return parse_udp_packet(ByteView(frame).subspan(14))->fragment->id;
  };
  EXPECT_EQ(id(decision.frames[0]), id(decision.frames[1]));
  EXPECT_NE(id(decision.frames[0]), id(next.frames[0])) << "a receiver would mix them";
}

class CopiedFragments : public CopierTest {
 protected:
  // As the kernel cuts a datagram for an interface with MTU 1500.
  std::vector<Bytes> cut(std::string_view to, std::size_t size, std::uint32_t id) {
    const std::string payload(size, 'y');
    const auto bytes = udp_packet(kHome, to, payload);
    std::vector<Bytes> out;
    for (const auto& frame : ethernet_frames(*parse_udp_packet(bytes), {}, kBroadcastMac, 1500, id))
      out.emplace_back(frame.begin() + 14, frame.end());
    return out;
  }
};

TEST_F(CopiedFragments, GoTogether) {
  for (const auto& [to, copied_to] :
       {std::pair{kEverybody, "255.255.255.255"}, {"192.168.1.255:27015", "10.66.255.255"}}) {
    std::vector<Bytes> frames;
    for (const auto& part : cut(to, 4000, 9)) {
      auto decision = copier_.on_sent(now_, kEthernet, part);
      EXPECT_EQ(decision.verdict, Verdict::copied);
      EXPECT_EQ(decision.to, address(copied_to));
      for (auto& frame : decision.frames)
        frames.push_back(std::move(frame));
    }
    const auto datagram = joined(frames);
    ASSERT_EQ(datagram.size(), 4008u);
    EXPECT_EQ(udp_checksum(segment_.self.vip, address(copied_to), datagram), 0);
  }
}

TEST_F(CopiedFragments, StayTogetherWhenTheFirstIsRefused) {
  const auto parts = cut("255.255.255.255:67", 4000, 9);
  EXPECT_EQ(copier_.on_sent(now_, kEthernet, parts[0]).verdict, Verdict::quiet);
  EXPECT_EQ(copier_.on_sent(now_, kEthernet, parts[1]).verdict, Verdict::other);
  const auto good = cut(kEverybody, 4000, 10);
  EXPECT_EQ(copier_.on_sent(now_, kEthernet, good[0]).verdict, Verdict::copied);
  EXPECT_EQ(copier_.on_sent(now_, kWireless, good[1]).verdict, Verdict::other) << "another's";
  now_ += kFragments;
  EXPECT_EQ(copier_.on_sent(now_, kEthernet, good[1]).verdict, Verdict::other) << "too late";
}

TEST_F(CopiedFragments, EndWithThePartThatTheRateRefuses) {
  for (int i = 0; i < kFrames.burst - 2; ++i)
    ASSERT_EQ(
        sent("192.168.1.5:" + std::to_string(6000 + i % 4), kEverybody, std::to_string(i)).verdict,
        Verdict::copied);
  const auto parts = cut(kEverybody, 4000, 9);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(copier_.on_sent(now_, kEthernet, parts[0]).verdict, Verdict::copied);
  EXPECT_EQ(copier_.on_sent(now_, kEthernet, parts[1]).verdict, Verdict::too_fast);
  now_ += 500ms;
  EXPECT_EQ(copier_.on_sent(now_, kEthernet, parts[2]).verdict, Verdict::other) << "of no use now";
}

TEST_F(CopierTest, KeepsToItsRate) {
  int copied = 0;
  for (int i = 0; i < 1000; ++i)
    copied += sent(kHome, kEverybody, std::to_string(i)).verdict == Verdict::copied ? 1 : 0;
  EXPECT_EQ(copied, kFlowFrames.burst);
  // Another program has its own share, but all together no more than the whole.
  for (int port = 6000; port < 6010; ++port)
    for (int i = 0; i < 100; ++i)
      copied +=
          sent("192.168.1.5:" + std::to_string(port), kEverybody, std::to_string(i)).verdict ==
                  Verdict::copied
              ? 1
              : 0;
  EXPECT_EQ(copied, kFrames.burst);
  now_ += 1s;
  copied = 0;
  for (int port = 6000; port < 6010; ++port)
    for (int i = 0; i < 100; ++i)
      copied +=
          sent("192.168.1.5:" + std::to_string(port), kEverybody, std::to_string(i)).verdict ==
                  Verdict::copied
              ? 1
              : 0;
  EXPECT_EQ(copied, kFrames.per_second);
}

// Property: for any mix of packets, in virtual time, what is sent stays below the rate, comes from
// this member only and is never copied again.
TEST_F(CopierTest, HoldsItsPromisesForAnyTraffic) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SeededRandom random(seed);
    Instant now{1h};
    Copier copier(segment_, now);
    copier.set_elsewhere({.addresses = {address("192.168.1.5"), address("192.168.2.5")},
                          .broadcasts = {address("192.168.1.255")}});
    const auto begin = now;
    double frames = 0;
    for (int i = 0; i < 3000; ++i) {
      now += Duration(random.below(5'000));
      const Endpoint from{
          IpAddress::v4(0xc0a80105 + static_cast<std::uint32_t>(random.below(3) * 256)),
          static_cast<std::uint16_t>(5000 + random.below(4))};
      const std::array targets{kEverybody, std::string_view("224.0.2.60:4445"),
                               std::string_view("192.168.1.255:27015")};
      const auto to = endpoint(targets.at(random.below(3)));
      const Bytes payload(random.below(4) * 700 + random.below(3), 'z');
      const auto packet = udp_packet(from, to, payload);
      if (random.below(50) == 0) copier.on_sent_here(now, packet);
      const auto decision =
          copier.on_sent(now, kEthernet + static_cast<std::uint32_t>(random.below(2)), packet);
      EXPECT_EQ(decision.frames.empty(), decision.verdict != Verdict::copied);
      frames += static_cast<double>(decision.frames.size());
      for (const auto& frame : decision.frames) {
        const auto copy = ByteView(frame).subspan(14);
        EXPECT_EQ(parse_udp_packet(copy)->source, segment_.self.vip);
        EXPECT_NE(copier.on_sent(now, kWireless, copy).verdict, Verdict::copied);
      }
    }
    const double seconds = std::chrono::duration<double>(now - begin).count();
    EXPECT_LE(frames, kFrames.burst + seconds * kFrames.per_second + 1) << seed;
    EXPECT_GT(frames, 100) << seed;
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace lanrage::lan
