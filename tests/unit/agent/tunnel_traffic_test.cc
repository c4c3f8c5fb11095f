// Tunnel, shared port and packet filter together, on WireGuard's own packets.
#include <algorithm>
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
  // For a failure's message: what was heard and sent, in order each.
  std::string story() const {
    std::string out;
    for (const auto* list : {&sent_, &received_}) {
      for (const auto& [peer, bytes, packet] : *list)
        out += std::string(list == &sent_ ? "sent" : "received") + " type " +
               std::to_string(static_cast<int>(packet.type)) + " sender " +
               std::to_string(packet.sender_index) + " receiver " +
               std::to_string(packet.receiver_index) + "\n";
    }
    return out;
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
    return !sent_.empty() && std::ranges::count(received_, PacketType::response,
                                                [](const Handshake& h) { return h.packet.type; });
  })) << story();
  const auto initiation = std::ranges::find(sent_, PacketType::initiation,
                                            [](const Handshake& h) { return h.packet.type; });
  const auto response = std::ranges::find(received_, PacketType::response,
                                          [](const Handshake& h) { return h.packet.type; });
  ASSERT_NE(initiation, sent_.end()) << story();
  ASSERT_NE(response, received_.end()) << story();
  EXPECT_EQ(initiation->peer, peer_b(*b).endpoint);
  EXPECT_EQ(response->peer, peer_b(*b).endpoint);
  EXPECT_TRUE(std::ranges::any_of(sent_, [&](const Handshake& h) {
    return h.packet.type == PacketType::initiation &&
           h.packet.sender_index == response->packet.receiver_index;
  })) << story();
  // The real thing agrees with our mac1.
  const auto to_a = wireguard::mac1_key(key_a_.public_key());
  const auto to_b = wireguard::mac1_key(key_b_.public_key());
  EXPECT_TRUE(wireguard::mac1_matches(initiation->bytes, to_b));
  EXPECT_FALSE(wireguard::mac1_matches(initiation->bytes, to_a));
  EXPECT_TRUE(wireguard::mac1_matches(response->bytes, to_a));
  EXPECT_FALSE(wireguard::mac1_matches(response->bytes, to_b));
}

// Both ends may have initiated, and then there are two sessions; and WireGuard may rekey at any
// time. So every index that we chose is blocked, as learnt from what left, until it is quiet.
TEST_P(TrafficTest, TheFilterStopsExactlyOurSessions) {
  auto a = open_a();
  auto b = open_b();
  watch(*a);
  connect(*a, *b);
  ASSERT_TRUE(lab::eventually(kSoon, [&] {
    hear();
    return !received_.empty() && !sent_.empty();
  }));
  auto filter =
      a_.inside([&] { return PacketFilter::open(a->interface_name(), a->listen_port()).value(); });
  const auto relay = *peer_b(*b).endpoint;
  for (const auto& handshake : received_)
    ASSERT_TRUE(filter->block_relayed(relay, handshake.packet.sender_index));
  EXPECT_TRUE(ping_from_a()) << "what comes in carries our index, not theirs\n" << story();
  EXPECT_TRUE(lab::eventually(kSoon, [&] {
    hear();
    for (const auto& handshake : sent_)
      EXPECT_TRUE(filter->block_relayed(relay, handshake.packet.sender_index));
    return !ping_from_a();
  })) << story();
  ASSERT_TRUE(filter->unblock_all());
  EXPECT_TRUE(lab::eventually(kSoon, [&] { return ping_from_a(); })) << story();
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
