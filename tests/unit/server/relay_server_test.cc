#include "server/relay_server.hpp"

#include <gtest/gtest.h>
#include <numeric>

#include "relay_client.hpp"

namespace lanrage::server {
namespace {

using relay::BindClient;
using Client = RelayClient;

struct RelayServerTest : testing::Test {
  std::unique_ptr<RelayServer> start(const char* listen = "127.0.0.1:0") {
    auto server = RelayServer::start(
        {*Endpoint::parse(listen), {relay::kRelayId, control_key.public_key(), {}}});
    EXPECT_TRUE(server) << server.error().message();
    return std::move(*server);
  }
  crypto::SystemRandom random;
  crypto::SigningKey control_key = crypto::SigningKey::generate(random);
};

TEST_F(RelayServerTest, CarriesAHandshakeAndDataBetweenTwoSockets) {
  auto server = start();
  Client a(server->endpoint(), control_key, 1);
  Client b(server->endpoint(), control_key, 1);
  a.make_bound();
  b.make_bound();

  auto carried = [&](Client& from, Client& to, const Bytes& bytes) {
    from.socket.send(server->endpoint(), bytes);
    auto got = to.socket.receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->first, server->endpoint());
    EXPECT_EQ(got->second, bytes);
  };
  carried(a, b, relay::initiation(11, b.mac1_key));
  carried(b, a, relay::response(22, 11, a.mac1_key));
  for (std::size_t size : {32u, 128u, 1452u}) {
    Bytes packet = relay::data(22, size);
    random.fill(MutableByteView(packet).subspan(16));
    carried(a, b, packet);
  }
  server->stop();
  auto counters = server->counters();
  EXPECT_EQ(counters.relay.forwarded_packets, 5u);
  EXPECT_EQ(counters.clients, 2u);
  EXPECT_EQ(counters.sessions, 2u);
  EXPECT_EQ(counters.udp.send_failures, 0u);
}

// More than fits one batch, in both directions of time: nothing is reordered or lost on loopback.
TEST_F(RelayServerTest, ManyPacketsArriveInOrder) {
  auto server = start();
  Client a(server->endpoint(), control_key, 1);
  Client b(server->endpoint(), control_key, 1);
  a.make_bound();
  b.make_bound();
  a.socket.send(server->endpoint(), relay::initiation(11, b.mac1_key));
  ASSERT_TRUE(b.socket.receive());
  b.socket.send(server->endpoint(), relay::response(22, 11, a.mac1_key));
  ASSERT_TRUE(a.socket.receive());
  for (std::uint32_t burst = 0; burst < 10; ++burst) {
    for (std::uint32_t i = 0; i < 150; ++i) {
      Bytes packet = relay::data(22, 64);
      relay::put_u32_le(packet, 20, burst * 150 + i);
      a.socket.send(server->endpoint(), packet);
    }
    for (std::uint32_t i = 0; i < 150; ++i) {
      auto got = b.socket.receive();
      ASSERT_TRUE(got);
      Bytes expected = relay::data(22, 64);
      relay::put_u32_le(expected, 20, burst * 150 + i);
      ASSERT_EQ(got->second, expected);
    }
  }
}

// In, out, and counted: as single packets.
TEST_F(RelayServerTest, CarriesATrainAsItsPackets) {
  auto server = start();
  Client a(server->endpoint(), control_key, 1);
  Client b(server->endpoint(), control_key, 1);
  a.make_bound();
  b.make_bound();
  a.socket.send(server->endpoint(), relay::initiation(11, b.mac1_key));
  ASSERT_TRUE(b.socket.receive());
  b.socket.send(server->endpoint(), relay::response(22, 11, a.mac1_key));
  ASSERT_TRUE(a.socket.receive());
  constexpr std::uint32_t kPackets = 40;
  constexpr std::size_t kTrains = 3;
  std::vector<Bytes> packets;
  Bytes train;
  for (std::uint32_t i = 0; i < kPackets; ++i) {
    packets.push_back(relay::data(22, i + 1 < kPackets ? 1312 : 96));
    relay::put_u32_le(packets.back(), 20, i);
    train.insert(train.end(), packets.back().begin(), packets.back().end());
  }
  // A stranger's packet in it would be as lost as a single one: here the fourth has no session.
  Bytes other = train;
  relay::put_u32_le(other, 3 * 1312 + 4, 99);
  for (std::size_t i = 0; i <= kTrains; ++i) {
    a.socket.send_train(server->endpoint(), i < kTrains ? train : other, 1312);
    for (std::uint32_t k = 0; k < kPackets; ++k) {
      if (i == kTrains && k == 3) continue;
      auto got = b.socket.receive();
      ASSERT_TRUE(got);
      ASSERT_EQ(got->second, packets[k]);
    }
  }
  server->stop();
  const auto counters = server->counters();
  EXPECT_EQ(counters.relay.forwarded_packets, 2 + (kTrains + 1) * kPackets - 1);
  EXPECT_EQ(counters.udp.send_failures, 0u);
  EXPECT_EQ(counters.udp.received,
            counters.relay.forwarded_packets + counters.relay.replies +
                std::accumulate(counters.relay.drops.begin(), counters.relay.drops.end(),
                                std::uint64_t{0}));
}

TEST_F(RelayServerTest, UnboundSourceIsTold) {
  auto server = start();
  UdpPlayer stranger;
  stranger.send(server->endpoint(), relay::data(1));
  auto notice = stranger.receive();
  ASSERT_TRUE(notice);
  EXPECT_LE(notice->second.size(), 28u);
}

TEST_F(RelayServerTest, OversizedDatagramsAreDroppedAndCounted) {
  auto server = start();
  UdpPlayer stranger;
  stranger.send(server->endpoint(), Bytes(4000, 4));
  stranger.send(server->endpoint(), stun::binding_request({{1}}));
  ASSERT_TRUE(stranger.receive());
  server->stop();
  EXPECT_EQ(server->counters().udp.oversized, 1u);
}

TEST_F(RelayServerTest, AnswersFromTheAddressThatWasAsked) {
  auto server = start("0.0.0.0:0");
  UdpPlayer client;
  for (const char* address : {"127.0.0.1", "127.0.0.5"}) {
    Endpoint asked{*IpAddress::parse(address), server->endpoint().port};
    client.send(asked, stun::binding_request({{1}}));
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->first, asked);
  }
}

// Each side is served from the address it bound to, also for the other's packets.
TEST_F(RelayServerTest, ForwardsFromTheAddressTheReceiverBoundTo) {
  auto server = start("0.0.0.0:0");
  std::uint16_t port = server->endpoint().port;
  Client a({*IpAddress::parse("127.0.0.1"), port}, control_key, 1);
  Client b({*IpAddress::parse("127.0.0.5"), port}, control_key, 1);
  a.make_bound();
  b.make_bound();
  a.socket.send({*IpAddress::parse("127.0.0.1"), port}, relay::initiation(11, b.mac1_key));
  auto got = b.socket.receive();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->first.to_string(), "127.0.0.5:" + std::to_string(port));
}

TEST_F(RelayServerTest, DualStackSocketServesIPv4) {
  auto server = RelayServer::start(
      {*Endpoint::parse("[::]:0"), {relay::kRelayId, control_key.public_key(), {}}});
  if (!server) GTEST_SKIP() << "no IPv6 here: " << server.error().message();
  UdpPlayer client;
  Endpoint asked{*IpAddress::parse("127.0.0.1"), (*server)->endpoint().port};
  client.send(asked, stun::binding_request({{1}}));
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->first, asked);
  EXPECT_EQ(stun::MessageView::parse(answer->second)->mapped_address(), client.endpoint());
}

TEST_F(RelayServerTest, TakenPortNamesAddressAndFlag) {
  auto first = start();
  auto second =
      RelayServer::start({first->endpoint(), {relay::kRelayId, control_key.public_key(), {}}});
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(UdpErrc::port_taken));
  EXPECT_NE(second.error().message().find(first->endpoint().to_string()), std::string::npos);
  EXPECT_NE(second.error().message().find("--relay-listen"), std::string::npos);
  EXPECT_EQ(second.error().field(), "--relay-listen");
}

TEST_F(RelayServerTest, ForeignAddressIsNamed) {
  auto server = RelayServer::start(
      {*Endpoint::parse("192.0.2.1:0"), {relay::kRelayId, control_key.public_key(), {}}});
  ASSERT_FALSE(server);
  EXPECT_TRUE(server.error().is(UdpErrc::address_not_here));
}

TEST_F(RelayServerTest, FollowsAChangedTokenKeyAndDropsNobody) {
  auto server = start();
  Client before(server->endpoint(), control_key, 1);
  before.make_bound();
  const auto new_key = crypto::SigningKey::generate(random);
  server->set_token_key(new_key.public_key());
  Client after(server->endpoint(), new_key, 1);
  after.make_bound();
  EXPECT_TRUE(before.bind->bound());
  before.socket.send(server->endpoint(), relay::initiation(11, after.mac1_key));
  EXPECT_TRUE(after.socket.receive());

  Client old(server->endpoint(), control_key, 1);
  stun::Datagrams out;
  old.bind->start(old.socket.now(), out);
  for (int round = 0; round < 2; ++round) {
    for (const auto& datagram : std::exchange(out, {}))
      old.socket.send(datagram.to, datagram.bytes);
    const auto answer = old.socket.receive();
    ASSERT_TRUE(answer);
    old.bind->on_datagram(old.socket.now(), answer->first,
                          *stun::MessageView::parse(answer->second), out);
  }
  EXPECT_EQ(old.bind->trouble(), BindClient::Trouble::refused);
}

TEST_F(RelayServerTest, StopsAtOnceAndTwice) {
  auto server = start();
  server->stop();
  server->stop();
}

TEST(RelayServerConfig, GenericXdpWouldForwardATrainAsOnePacket) {
  const RelayTrains both{.receive = true, .send = true};
  RelayServerConfig config;
  EXPECT_EQ(config.usable_trains(), both);
  config.xdp = xdp::Mode::native;
  EXPECT_EQ(config.usable_trains(), both);
  config.xdp = xdp::Mode::automatic;
  EXPECT_EQ(config.usable_trains(), both);
  config.xdp = xdp::Mode::generic;
  EXPECT_EQ(config.usable_trains(), (RelayTrains{.receive = false, .send = true}));
}

}  // namespace
}  // namespace lanrage::server
