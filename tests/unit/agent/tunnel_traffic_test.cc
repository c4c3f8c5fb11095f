// Tunnel, shared port and packet filter together, on WireGuard's own packets.
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>

#include "agent/packet_filter.hpp"
#include "io/wireguard_port.hpp"
#include "tunnel_fixture.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::agent::test {
namespace {

using wireguard::classify;
using wireguard::Packet;
using wireguard::PacketType;

class TrafficTest : public TunnelTest {
 protected:
  struct Handshake {
    Endpoint peer;
    Bytes bytes;
    Packet packet;
  };

  void watch(const Tunnel& tunnel) {
    const auto keep = [](std::vector<Handshake>& list) {
      return [&list](Endpoint peer, ByteView payload) {
        if (const auto packet = classify(payload))
          list.push_back({peer, Bytes(payload.begin(), payload.end()), *packet});
      };
    };
    port_ = a_.inside([&] {
      return io::WireguardPort::open(
                 io_.get_executor(), tunnel.listen_port(),
                 {.on_received = keep(received_), .on_handshake_sent = keep(sent_)})
          .value();
    });
  }
  void hear() {
    io_.restart();
    io_.run_for(lab::Millis(20));
  }

  boost::asio::io_context io_;
  std::vector<Handshake> received_;
  std::vector<Handshake> sent_;
  std::unique_ptr<io::WireguardPort> port_;
};

TEST_P(TrafficTest, TheSharedPortLearnsBothIndexesOfASession) {
  auto a = open_a();
  auto b = open_b();
  watch(*a);
  connect(*a, *b);
  ASSERT_TRUE(lab::eventually(kSoon, [&] {
    hear();
    return !received_.empty() && !sent_.empty();
  }));
  const auto& initiation = sent_.back();
  const auto& response = received_.back();
  EXPECT_EQ(initiation.packet.type, PacketType::initiation);
  EXPECT_EQ(initiation.peer, peer_b(*b).endpoint);
  EXPECT_EQ(response.packet.type, PacketType::response);
  EXPECT_EQ(response.peer, peer_b(*b).endpoint);
  EXPECT_EQ(response.packet.receiver_index, initiation.packet.sender_index);
  // The real thing agrees with our mac1.
  const auto to_a = wireguard::mac1_key(key_a_.public_key());
  const auto to_b = wireguard::mac1_key(key_b_.public_key());
  EXPECT_TRUE(wireguard::mac1_matches(initiation.bytes, to_b));
  EXPECT_FALSE(wireguard::mac1_matches(initiation.bytes, to_a));
  EXPECT_TRUE(wireguard::mac1_matches(response.bytes, to_a));
  EXPECT_FALSE(wireguard::mac1_matches(response.bytes, to_b));
}

TEST_P(TrafficTest, TheFilterStopsExactlyThisSession) {
  auto a = open_a();
  auto b = open_b();
  watch(*a);
  connect(*a, *b);
  ASSERT_TRUE(lab::eventually(kSoon, [&] {
    hear();
    return !received_.empty();
  }));
  const auto ours = received_.back().packet.receiver_index;
  const auto theirs = received_.back().packet.sender_index;
  auto filter =
      a_.inside([&] { return PacketFilter::open(a->interface_name(), a->listen_port()).value(); });
  const auto relay = *peer_b(*b).endpoint;
  ASSERT_TRUE(filter->block_relayed(relay, theirs));
  EXPECT_TRUE(ping_from_a()) << "what comes in carries our index, not theirs";
  ASSERT_TRUE(filter->block_relayed(relay, ours));
  EXPECT_FALSE(ping_from_a());
  ASSERT_TRUE(filter->unblock(relay, ours));
  EXPECT_TRUE(ping_from_a());
}

TEST_P(TrafficTest, StunPassesBesideTheSessionInBothDirections) {
  auto a = open_a();
  auto b = open_b();
  connect(*a, *b);
  lab::UdpSocket server(b_, endpoint("203.0.113.12:3478"));
  Bytes heard;
  auto port = a_.inside([&] {
    return io::WireguardPort::open(io_.get_executor(), a->listen_port(),
                                   {.on_received =
                                        [&](Endpoint from, ByteView payload) {
                                          if (from == endpoint("203.0.113.12:3478"))
                                            heard.assign(payload.begin(), payload.end());
                                        },
                                    .on_handshake_sent = {}})
        .value();
  });
  Bytes request(28, 0);
  const Bytes head{0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42};
  std::copy(head.begin(), head.end(), request.begin());
  ASSERT_TRUE(port->send(endpoint("203.0.113.12:3478"), request));
  const auto arrived = server.receive(kSoon);
  ASSERT_TRUE(arrived);
  EXPECT_EQ(arrived->from.port, a->listen_port()) << "WireGuard's own port";
  server.send(arrived->from, request);
  EXPECT_TRUE(lab::eventually(kSoon, [&] {
    hear();
    return heard == request;
  }));
  EXPECT_TRUE(ping_from_a());
}

INSTANTIATE_TEST_SUITE_P(Backends, TrafficTest,
                         testing::Values(Backend::userspace, Backend::kernel), [](const auto& p) {
                           return p.param == Backend::kernel ? "Kernel" : "Userspace";
                         });

}  // namespace
}  // namespace lanrage::agent::test
