// The shared port on real packets: a veth pair between two namespaces, "a" outside and "b" with the
// port, which a plain UDP socket owns in WireGuard's place.
#include "io/wireguard_port.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/udp_datagram.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::io {
namespace {

using lab::Millis;
using lab::NetNamespace;
using lab::UdpSocket;

constexpr std::uint16_t kPort = 51820;
constexpr Millis kArrives{5000};
constexpr Millis kQuiet{50};  // after a later packet arrived: an earlier one won't come any more

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}

Bytes stun(std::size_t size = 20) {
  Bytes out(size, 0);
  const Bytes head{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xA4, 0x42};
  std::copy(head.begin(), head.end(), out.begin());
  return out;
}

Bytes wireguard(std::uint8_t type, std::size_t size) {
  Bytes out(size, 0xee);
  const Bytes head{type, 0, 0, 0, 1, 2, 3, 4};
  std::copy(head.begin(), head.end(), out.begin());
  return out;
}

struct Seen {
  Endpoint peer;
  Bytes payload;
};

class WireguardPortTest : public testing::Test {
 protected:
  WireguardPortTest() {
    a_.ip("link add e0 type veth peer name e0 netns " + b_.name() +
          "\nlink set e0 up\naddr add 203.0.113.1/24 dev e0\n"
          "addr add 2001:db8::1/64 dev e0 nodad\n");
    b_.ip("link set e0 up\naddr add 203.0.113.2/24 dev e0\naddr add 2001:db8::2/64 dev e0 nodad\n");
  }

  std::unique_ptr<WireguardPort> open() {
    return b_.inside([&] {
      auto port = WireguardPort::open(
          io_.get_executor(), kPort,
          {.on_received =
               [this](Endpoint from, ByteView payload) {
                 received_.push_back({from, Bytes(payload.begin(), payload.end())});
                 if (on_received_) on_received_();
               },
           .on_handshake_sent =
               [this](Endpoint to, ByteView payload) {
                 sent_.push_back({to, Bytes(payload.begin(), payload.end())});
               }});
      EXPECT_TRUE(port) << port.error().message();
      return std::move(port).value();
    });
  }

  // Runs the loop until `predicate` or a deadline.
  template <class Predicate>
  bool run_until(Predicate predicate) {
    const auto deadline = lab::Clock::now() + kArrives;
    while (!predicate() && lab::Clock::now() < deadline) {
      io_.restart();
      io_.run_one_for(Millis(20));
    }
    return predicate();
  }
  void run_what_is_ready() {
    io_.restart();
    io_.run_for(kQuiet);
  }

  NetNamespace a_{"a"};
  NetNamespace b_{"b"};
  boost::asio::io_context io_;
  std::vector<Seen> received_;
  std::vector<Seen> sent_;
  std::function<void()> on_received_;
};

TEST_F(WireguardPortTest, HearsStunBesideTheSocketThatOwnsThePort) {
  UdpSocket owner(b_, endpoint("0.0.0.0:51820"));
  UdpSocket owner6(b_, endpoint("[::]:51820"));
  auto port = open();
  EXPECT_EQ(port->port(), kPort);
  ASSERT_TRUE(port->has_ipv6());
  UdpSocket outside(a_, endpoint("203.0.113.1:4000"));
  UdpSocket outside6(a_, endpoint("[2001:db8::1]:4001"));
  outside.send(endpoint("203.0.113.2:51820"), stun(28));
  ASSERT_TRUE(run_until([&] { return received_.size() == 1; }));
  outside6.send(endpoint("[2001:db8::2]:51820"), stun(32));
  ASSERT_TRUE(run_until([&] { return received_.size() == 2; }));
  EXPECT_EQ(received_[0].peer, endpoint("203.0.113.1:4000"));
  EXPECT_EQ(received_[0].payload, stun(28));
  EXPECT_EQ(received_[1].peer, endpoint("[2001:db8::1]:4001"));
  EXPECT_EQ(received_[1].payload, stun(32));
  EXPECT_EQ(owner.receive(kArrives)->payload, stun(28));  // WireGuard gets its copy and drops it
  EXPECT_EQ(owner6.receive(kArrives)->payload, stun(32));
}

TEST_F(WireguardPortTest, HearsHandshakesAndNothingElse) {
  auto port = open();
  for (const bool v4 : {true, false}) {
    received_.clear();
    UdpSocket outside(a_, endpoint(v4 ? "203.0.113.1:4000" : "[2001:db8::1]:4000"));
    const auto to = [&](int number) {
      return Endpoint{address(v4 ? "203.0.113.2" : "2001:db8::2"),
                      static_cast<std::uint16_t>(number)};
    };
    Bytes other_cookie = stun();
    other_cookie[7] = 0x43;
    outside.send(to(kPort), stun(20));
    outside.send(to(kPort), wireguard(1, 148));
    outside.send(to(kPort), wireguard(2, 92));
    // None of these:
    outside.send(to(kPort + 1), stun());
    outside.send(to(kPort), other_cookie);
    outside.send(to(kPort), Bytes{});
    outside.send(to(kPort), ByteView(stun()).first(19));
    for (std::size_t size : {32u, 92u, 148u, 1400u})
      outside.send(to(kPort), wireguard(4, size));
    outside.send(to(kPort), wireguard(3, 64));
    outside.send(to(kPort), wireguard(1, 147));
    outside.send(to(kPort), wireguard(1, 149));
    outside.send(to(kPort), wireguard(2, 91));
    outside.send(to(kPort), wireguard(2, 93));
    outside.send(to(kPort), stun(548));
    ASSERT_TRUE(run_until([&] { return received_.size() >= 4; }));
    run_what_is_ready();
    ASSERT_EQ(received_.size(), 4u);
    EXPECT_EQ(received_[1].payload, wireguard(1, 148));
    EXPECT_EQ(received_[2].payload, wireguard(2, 92));
    EXPECT_EQ(received_[3].payload, stun(548));
  }
}

TEST_F(WireguardPortTest, FindsThePayloadBehindIpOptions) {
  auto port = open();
  UdpSocket outside(a_, endpoint("203.0.113.1:4000"));
  const std::array<std::uint8_t, 8> no_operations{1, 1, 1, 1, 1, 1, 1, 1};
  ASSERT_EQ(::setsockopt(outside.fd(), IPPROTO_IP, IP_OPTIONS, no_operations.data(),
                         no_operations.size()),
            0);
  outside.send(endpoint("203.0.113.2:51820"), stun(24));
  ASSERT_TRUE(run_until([&] { return received_.size() == 1; }));
  EXPECT_EQ(received_[0].payload, stun(24));
}

TEST_F(WireguardPortTest, SendsFromThePortOfAnotherSocketWithTheTtlAskedFor) {
  UdpSocket owner(b_, endpoint("0.0.0.0:51820"));
  auto port = open();
  for (const bool v4 : {true, false}) {
    UdpSocket outside(a_, endpoint(v4 ? "203.0.113.1:4000" : "[2001:db8::1]:4000"));
    const auto to = endpoint(v4 ? "203.0.113.1:4000" : "[2001:db8::1]:4000");
    // Odd and even lengths: the receiving kernel verifies the checksum of each.
    for (std::size_t size : {20u, 21u, 64u, 147u, 548u, 1200u}) {
      const auto sent = port->send(to, stun(size));
      ASSERT_TRUE(sent) << sent.error().message();
      const auto arrived = outside.receive(kArrives);
      ASSERT_TRUE(arrived) << size;
      EXPECT_EQ(arrived->from, endpoint(v4 ? "203.0.113.2:51820" : "[2001:db8::2]:51820"));
      EXPECT_EQ(arrived->payload, stun(size));
      EXPECT_EQ(arrived->ttl, 64);
    }
    ASSERT_TRUE(port->send(to, stun(), 3));
    EXPECT_EQ(outside.receive(kArrives)->ttl, 3);
    ASSERT_TRUE(port->send(to, stun()));
    EXPECT_EQ(outside.receive(kArrives)->ttl, 64) << "a TTL is for one datagram only";
  }
}

// What the test above rests on.
TEST_F(WireguardPortTest, TheReceivingKernelDropsAWrongChecksum) {
  UdpSocket outside(a_, endpoint("203.0.113.1:4000"));
  const int raw = b_.inside([] { return ::socket(AF_INET, SOCK_RAW, IPPROTO_UDP); });
  auto datagram = udp_datagram(endpoint("203.0.113.2:51820"), endpoint("203.0.113.1:4000"), stun());
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(0xcb007101);
  const auto send = [&] {
    return ::sendto(raw, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&to),
                    sizeof to);
  };
  datagram[7] ^= 1;
  ASSERT_GT(send(), 0);
  datagram[7] ^= 1;
  datagram.back() = 0;
  ASSERT_GT(send(), 0);
  ::close(raw);
  ASSERT_TRUE(outside.receive(kArrives));
  EXPECT_FALSE(outside.receive(Millis(0))) << "only the right one arrives";
}

TEST_F(WireguardPortTest, LeavesFromTheAddressThatTheRoutesGive) {
  b_.ip("addr add 203.0.113.77/24 dev e0\n");
  a_.ip("link add e1 type veth peer name e1 netns " + b_.name() +
        "\nlink set e1 up\naddr add 198.51.100.1/24 dev e1\naddr add 192.0.2.1/32 dev e1\n");
  b_.ip(
      "link set e1 up\naddr add 198.51.100.2/24 dev e1\n"
      "route add 192.0.2.0/24 via 198.51.100.1 dev e1\n");
  auto port = open();
  UdpSocket outside(a_, endpoint("0.0.0.0:4000"));
  const auto source_of = [&](std::string_view to) -> std::string {
    const auto sent = port->send(endpoint(to), stun());
    EXPECT_TRUE(sent) << sent.error().message();
    const auto arrived = outside.receive(kArrives);
    return arrived ? arrived->from.to_string() : "nothing arrived";
  };
  EXPECT_EQ(source_of("203.0.113.1:4000"), "203.0.113.2:51820");
  EXPECT_EQ(source_of("198.51.100.1:4000"), "198.51.100.2:51820");
  EXPECT_EQ(source_of("192.0.2.1:4000"), "198.51.100.2:51820");
  EXPECT_EQ(source_of("203.0.113.1:4000"), "203.0.113.2:51820");
  // A change of network is seen at once.
  b_.ip("route replace 192.0.2.0/24 via 203.0.113.1 dev e0 src 203.0.113.77\n");
  EXPECT_EQ(source_of("192.0.2.1:4000"), "203.0.113.77:51820");
  EXPECT_EQ(port->source_for(address("192.0.2.1"))->to_string(), "203.0.113.77");
  b_.ip("addr del 203.0.113.77/24 dev e0\nroute replace 192.0.2.0/24 via 198.51.100.1 dev e1\n");
  EXPECT_EQ(source_of("192.0.2.1:4000"), "198.51.100.2:51820");
}

TEST_F(WireguardPortTest, SaysWhyItCanNotSend) {
  auto port = open();
  auto result = port->send(endpoint("8.8.8.8:53"), stun());
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(WireguardPortErrc::no_route)) << result.error().message();
  result = port->send(endpoint("[2001:db9::1]:53"), stun());
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(WireguardPortErrc::no_route));
  EXPECT_TRUE(port->send(endpoint("203.0.113.1:53"), Bytes(WireguardPort::kMaxPayload)));
  result = port->send(endpoint("203.0.113.1:53"), Bytes(WireguardPort::kMaxPayload + 1));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(WireguardPortErrc::too_large));
}

TEST_F(WireguardPortTest, SeesTheHandshakesThatLeave) {
  UdpSocket owner(b_, endpoint("0.0.0.0:51820"));
  UdpSocket owner6(b_, endpoint("[::]:51820"));
  UdpSocket stranger(b_, endpoint("0.0.0.0:51821"));
  UdpSocket outside(a_, endpoint("203.0.113.1:51820"));
  auto port = open();
  stranger.send(endpoint("203.0.113.1:4000"), wireguard(1, 148));
  owner.send(endpoint("203.0.113.1:4000"), wireguard(4, 148));
  owner.send(endpoint("203.0.113.1:4000"), wireguard(1, 149));
  owner.send(endpoint("203.0.113.1:4000"), stun());
  outside.send(endpoint("203.0.113.2:51820"), wireguard(1, 148));  // arrives: not sent
  owner.send(endpoint("203.0.113.1:4000"), wireguard(1, 148));
  ASSERT_TRUE(run_until([&] { return !sent_.empty(); }));
  owner6.send(endpoint("[2001:db8::1]:4001"), wireguard(2, 92));
  ASSERT_TRUE(run_until([&] { return sent_.size() >= 2; }));
  run_what_is_ready();
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[0].peer, endpoint("203.0.113.1:4000"));
  EXPECT_EQ(sent_[0].payload, wireguard(1, 148));
  EXPECT_EQ(sent_[1].peer, endpoint("[2001:db8::1]:4001"));
  EXPECT_EQ(sent_[1].payload, wireguard(2, 92));
}

TEST_F(WireguardPortTest, CanBeDestroyedInsideItsCallbackAndIsThenSilent) {
  auto port = open();
  on_received_ = [&] { port.reset(); };
  UdpSocket outside(a_, endpoint("203.0.113.1:4000"));
  for (int i = 0; i < 3; ++i)
    outside.send(endpoint("203.0.113.2:51820"), stun());
  ASSERT_TRUE(run_until([&] { return !received_.empty(); }));
  run_what_is_ready();
  EXPECT_EQ(received_.size(), 1u);
  EXPECT_EQ(port, nullptr);
}

TEST_F(WireguardPortTest, DestroyedBeforeTheLoopRunsItCallsNobody) {
  auto port = open();
  UdpSocket owner(b_, endpoint("0.0.0.0:51820"));
  UdpSocket outside(a_, endpoint("203.0.113.1:4000"));
  outside.send(endpoint("203.0.113.2:51820"), stun());
  ASSERT_TRUE(owner.receive(kArrives));
  port.reset();
  run_what_is_ready();
  EXPECT_TRUE(received_.empty());
}

}  // namespace
}  // namespace lanrage::io
