#include "agent/packet_filter.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/process.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::agent {
namespace {

using lab::Millis;
using lab::NetNamespace;
using lab::UdpSocket;

constexpr std::uint16_t kPort = 51820;
constexpr std::uint32_t kIndex = 0x04030201;  // 01 02 03 04 on the wire
constexpr Millis kArrives{5000};

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

Bytes packet(std::uint8_t type, std::uint32_t receiver_index, std::size_t size = 128) {
  Bytes out(size, 0);
  out[0] = type;
  for (std::size_t i = 0; i < 4; ++i)
    out[4 + i] = static_cast<std::uint8_t>(receiver_index >> (8 * i));
  return out;
}

class PacketFilterTest : public testing::Test {
 protected:
  PacketFilterTest() {
    a_.ip("link add e0 type veth peer name e0 netns " + b_.name() +
          "\nlink set e0 up\naddr add 203.0.113.1/24 dev e0\naddr add 203.0.113.9/24 dev e0\n"
          "addr add 2001:db8::1/64 dev e0 nodad\n");
    b_.ip("link set e0 up\naddr add 203.0.113.2/24 dev e0\naddr add 2001:db8::2/64 dev e0 nodad\n");
  }

  std::unique_ptr<PacketFilter> open(const std::string& name = "lr0", std::uint16_t port = kPort) {
    return b_.inside([&] {
      auto filter = PacketFilter::open(name, port);
      EXPECT_TRUE(filter) << filter.error().message();
      return std::move(filter).value();
    });
  }

  // True when `payload` gets through; what is sent after it on the same path always does, so
  // nothing is waited for.
  bool passes(UdpSocket& from, UdpSocket& to, const Endpoint& address, ByteView payload) {
    const Bytes marker{0xff};
    from.send(address, payload);
    from.send(address, marker);
    bool passed = false;
    while (auto arrived = to.receive(kArrives)) {
      if (arrived->payload == marker) return passed;
      passed = true;
    }
    ADD_FAILURE() << "the marker didn't arrive";
    return false;
  }

  std::string tables() { return lab::must_run({"nft", "list", "tables"}, {.netns_fd = b_.fd()}); }

  NetNamespace a_{"a"};
  NetNamespace b_{"b"};
};

TEST_F(PacketFilterTest, ComesBackAfterAFlush) {
  auto filter = open();
  const auto relay = endpoint("203.0.113.1:51820");
  ASSERT_TRUE(filter->block_relayed(relay, kIndex));
  lab::must_run({"nft", "flush", "ruleset"}, {.netns_fd = b_.fd()});
  ASSERT_TRUE(filter->block_relayed(relay, kIndex + 1));
  UdpSocket from(a_, relay);
  UdpSocket wireguard(b_, endpoint("0.0.0.0:51820"));
  EXPECT_FALSE(passes(from, wireguard, endpoint("203.0.113.2:51820"), packet(4, kIndex)));
}

TEST_F(PacketFilterTest, DropsDataPacketsOfTheIndexFromTheRelayOnly) {
  auto filter = open();
  UdpSocket relay(a_, endpoint("203.0.113.1:51820"));
  UdpSocket other_port(a_, endpoint("203.0.113.1:51821"));
  UdpSocket other_address(a_, endpoint("203.0.113.9:51820"));
  UdpSocket wireguard(b_, endpoint("0.0.0.0:51820"));
  UdpSocket stranger(b_, endpoint("0.0.0.0:51821"));
  const auto here = endpoint("203.0.113.2:51820");
  const auto there = endpoint("203.0.113.1:51820");
  const auto data = packet(4, kIndex);

  EXPECT_TRUE(passes(relay, wireguard, here, data));
  ASSERT_TRUE(filter->block_relayed(there, kIndex));
  ASSERT_TRUE(filter->block_relayed(there, kIndex)) << "twice is once";
  EXPECT_FALSE(passes(relay, wireguard, here, data));
  EXPECT_FALSE(passes(relay, wireguard, here, packet(4, kIndex, 32)));
  EXPECT_TRUE(passes(relay, wireguard, here, packet(4, kIndex + 1)));
  EXPECT_TRUE(passes(relay, wireguard, here, packet(4, 0x01020304))) << "the other byte order";
  EXPECT_TRUE(passes(relay, wireguard, here, packet(1, kIndex, 148)));
  EXPECT_TRUE(passes(relay, wireguard, here, packet(2, kIndex, 92)));
  EXPECT_TRUE(passes(other_port, wireguard, here, data));
  EXPECT_TRUE(passes(other_address, wireguard, here, data));
  EXPECT_TRUE(passes(relay, stranger, endpoint("203.0.113.2:51821"), data));

  ASSERT_TRUE(filter->block_relayed(there, kIndex + 1));
  EXPECT_FALSE(passes(relay, wireguard, here, packet(4, kIndex + 1)));
  EXPECT_FALSE(passes(relay, wireguard, here, data));
  ASSERT_TRUE(filter->unblock(there, kIndex));
  EXPECT_TRUE(passes(relay, wireguard, here, data));
  EXPECT_FALSE(passes(relay, wireguard, here, packet(4, kIndex + 1)));
  ASSERT_TRUE(filter->unblock(there, 99)) << "what wasn't blocked";
  ASSERT_TRUE(filter->unblock_all());
  EXPECT_TRUE(passes(relay, wireguard, here, packet(4, kIndex + 1)));
}

TEST_F(PacketFilterTest, WorksOverIpv6) {
  auto filter = open();
  UdpSocket relay(a_, endpoint("[2001:db8::1]:51820"));
  UdpSocket wireguard(b_, endpoint("[::]:51820"));
  const auto here = endpoint("[2001:db8::2]:51820");
  ASSERT_TRUE(filter->block_relayed(endpoint("[2001:db8::1]:51820"), kIndex));
  EXPECT_FALSE(passes(relay, wireguard, here, packet(4, kIndex)));
  EXPECT_TRUE(passes(relay, wireguard, here, packet(4, kIndex + 1)));
}

TEST_F(PacketFilterTest, LetsThemSeemToComeFromTheNewPath) {
  auto filter = open();
  const auto there = endpoint("203.0.113.1:51820");
  const auto as = endpoint("198.51.100.7:4242");
  UdpSocket relay(a_, there);
  UdpSocket wireguard(b_, endpoint("0.0.0.0:51820"));
  ASSERT_TRUE(filter->block_relayed(there, kIndex, as));
  relay.send(endpoint("203.0.113.2:51820"), packet(4, kIndex));
  const auto arrived = wireguard.receive(Millis(2'000));
  ASSERT_TRUE(arrived);
  EXPECT_EQ(arrived->from, as);
  EXPECT_EQ(arrived->payload, packet(4, kIndex));
  relay.send(endpoint("203.0.113.2:51820"), packet(4, kIndex + 1));
  const auto other = wireguard.receive(Millis(2'000));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->from, there);
  ASSERT_TRUE(filter->unblock(there, kIndex));
  EXPECT_TRUE(passes(relay, wireguard, endpoint("203.0.113.2:51820"), packet(4, kIndex)));
  // A path of the other family can't be imitated.
  ASSERT_TRUE(filter->block_relayed(there, kIndex, endpoint("[2001:db8::7]:4242")));
  EXPECT_FALSE(passes(relay, wireguard, endpoint("203.0.113.2:51820"), packet(4, kIndex)));
}

TEST_F(PacketFilterTest, OwnsOneTableAnInterfaceAndTakesItAway) {
  UdpSocket relay(a_, endpoint("203.0.113.1:51820"));
  UdpSocket wireguard(b_, endpoint("0.0.0.0:51820"));
  const auto here = endpoint("203.0.113.2:51820");
  const auto there = endpoint("203.0.113.1:51820");
  b_.nft("table inet users_own { }");
  auto first = open("lr0");
  auto second = open("lr-1.x", 51821);
  ASSERT_TRUE(first->block_relayed(there, kIndex));
  EXPECT_NE(tables().find("lanrage_lr-1.x"), std::string::npos);
  second.reset();
  EXPECT_FALSE(passes(relay, wireguard, here, packet(4, kIndex)));
  first.reset();
  EXPECT_TRUE(passes(relay, wireguard, here, packet(4, kIndex)));
  EXPECT_EQ(tables(), "table inet users_own\n");
}

TEST_F(PacketFilterTest, ReplacesWhatAKilledAgentLeft) {
  UdpSocket relay(a_, endpoint("203.0.113.1:51820"));
  UdpSocket wireguard(b_, endpoint("0.0.0.0:51820"));
  b_.nft(
      "table inet lanrage_lr0 { chain input { type filter hook input priority -10; udp dport 51820 "
      "drop; }; chain other { }; }");
  auto filter = open();
  EXPECT_TRUE(passes(relay, wireguard, endpoint("203.0.113.2:51820"), packet(4, kIndex)));
}

TEST_F(PacketFilterTest, HoldsAFullPartysSessionsAndRefusesMore) {
  auto filter = open();
  const auto relay = endpoint("203.0.113.1:51820");
  for (std::uint32_t index = 0; index < 256; ++index)
    ASSERT_TRUE(filter->block_relayed(relay, index)) << index;
  const auto refused = filter->block_relayed(relay, 5000);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(PacketFilterErrc::refused));
  EXPECT_TRUE(filter->unblock(relay, 0));
  EXPECT_TRUE(filter->block_relayed(relay, 5000));
}

TEST_F(PacketFilterTest, SaysSoWhereItMayNotFilter) {
  const pid_t child = b_.inside([] {
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (::setresuid(65534, 65534, 65534) != 0) ::_exit(9);
      const auto filter = PacketFilter::open("lr0", kPort);
      ::_exit(!filter && filter.error().is(PacketFilterErrc::unavailable) ? 0 : 1);
    }
    return pid;
  });
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(PacketFilterName, MustBeAnInterfacesName) {
  EXPECT_FALSE(PacketFilter::open("x; flush ruleset", kPort));
}

}  // namespace
}  // namespace lanrage::agent
