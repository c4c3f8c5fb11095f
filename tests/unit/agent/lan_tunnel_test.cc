// The LAN over a real WireGuard tunnel, by either backend.
#include "agent/lan_segment.hpp"
#include "tunnel_fixture.hpp"
#include "unit/lan/some_segment.hpp"

namespace lanrage::agent::test {
namespace {

using lan::test::address;

class LanTunnelTest : public TunnelTest {
 protected:
  TunnelOptions underlay_only(int host) const {
    auto out = options(host);
    out.vip = {};
    out.agent_address = lan::test::member(static_cast<std::uint8_t>(host)).underlay;
    out.agent_prefix_length = 64;
    return out;
  }
  static std::unique_ptr<LanSegment> open_lan(const lab::NetNamespace& netns,
                                              const std::string& wireguard,
                                              const lan::Segment& segment) {
    return netns.inside([&] {
      auto out =
          LanSegment::open({.interface_name = "lan0", .wireguard = wireguard, .segment = segment});
      if (!out) throw lab::LabError(out.error().message());
      return std::move(*out);
    });
  }
};

TEST_P(LanTunnelTest, BroadcastReachesTheOtherPlayer) {
  auto a = open(a_, underlay_only(1)).value();
  auto b = open(b_, underlay_only(2)).value();
  auto to_a = peer_a(*a);
  auto to_b = peer_b(*b);
  to_a.allowed_ips = {{lan::test::member(1).underlay, 128}};
  to_b.allowed_ips = {{lan::test::member(2).underlay, 128}};
  const wireguard::Operation add_a = wireguard::AddPeer{to_a};
  const wireguard::Operation add_b = wireguard::AddPeer{to_b};
  ASSERT_TRUE(b->apply({&add_a, 1}));
  ASSERT_TRUE(a->apply({&add_b, 1}));
  const auto lan_a = open_lan(a_, a->interface_name(), lan::test::segment_of(1, {2}));
  const auto lan_b = open_lan(b_, b->interface_name(), lan::test::segment_of(2, {1}));
  ASSERT_TRUE(lab::eventually(kSoon, [&] { return ping_from_a(); }));

  lab::UdpSocket game(b_, endpoint("0.0.0.0:27015"));
  lab::UdpSocket player(a_, endpoint("10.66.0.1:0"));
  const int on = 1;
  ::setsockopt(player.fd(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  for (const std::size_t size : {5u, 1400u}) {
    player.send(endpoint("10.66.255.255:27015"), Bytes(size, 7));
    const auto got = game.receive(kSoon);
    ASSERT_TRUE(got) << size;
    EXPECT_EQ(got->payload.size(), size);
    EXPECT_EQ(got->from.address, address("10.66.0.1"));
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, LanTunnelTest,
                         testing::Values(Backend::userspace, Backend::kernel), [](const auto& p) {
                           return p.param == Backend::kernel ? "Kernel" : "Userspace";
                         });

}  // namespace
}  // namespace lanrage::agent::test
