// Real devices: what they are told is what they do.
#include "agent/tunnel.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "io/netlink.hpp"
#include "io/unique_fd.hpp"
#include "tunnel_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using wireguard::AddPeer;
using wireguard::Operation;
using wireguard::UpdatePeer;

TEST_P(TunnelTest, IsUpWithKeyPortAddressAndMtu) {
  const auto tunnel = open_a();
  EXPECT_GE(tunnel->listen_port(), 49152);
  EXPECT_EQ(tunnel->is_kernel(), GetParam() == Backend::kernel);
  EXPECT_TRUE(tunnel->fallback_reason().empty());
  const auto status = tunnel->status();
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_TRUE(status->private_key == key_a_.bytes());
  EXPECT_EQ(status->listen_port, tunnel->listen_port());
  EXPECT_TRUE(status->peers.empty());
  const auto shown =
      lab::must_run({"ip", "addr", "show", "dev", tunnel->interface_name()}, {.netns_fd = a_.fd()});
  EXPECT_THAT(shown, testing::HasSubstr("inet 10.66.0.1/16"));
  EXPECT_THAT(shown, testing::HasSubstr("mtu 1420"));
  EXPECT_THAT(shown, testing::HasSubstr("UP"));
}

// Where the link has neighbours, the kernel would look for duplicates for a second or more.
TEST(LinksTest, AnIpv6AddressCanBeBoundAtOnce) {
  const lab::NetNamespace netns("links");
  netns.ip("link add va type veth peer name vb\nlink set va up\nlink set vb up\n");
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  const auto own = IpAddress::parse("fd00::1").value();
  std::ranges::copy(own.bytes(), address.sin6_addr.s6_addr);
  const int bound = netns.inside([&] {
    auto links = io::Links::open();
    EXPECT_TRUE(links && links->add_address("va", own, 64));
    const io::UniqueFd fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  });
  EXPECT_EQ(bound, 0) << std::strerror(errno);
}

TEST_P(TunnelTest, CarriesAPingAndCountsIt) {
  auto a = open_a();
  auto b = open_b();
  const auto before = std::chrono::floor<std::chrono::milliseconds>(
      std::chrono::system_clock::now() - std::chrono::seconds(1));
  connect(*a, *b);
  const auto at_a = only_peer(*a);
  const auto at_b = only_peer(*b);
  for (const auto& peer : {at_a, at_b}) {
    ASSERT_TRUE(peer.latest_handshake);
    EXPECT_GT(*peer.latest_handshake, before);
    EXPECT_GT(peer.rx_bytes, 148u);
    EXPECT_GT(peer.tx_bytes, 148u);
    EXPECT_EQ(peer.keepalive_s, 25);
    EXPECT_TRUE(peer.preshared_key == preshared_);
  }
  EXPECT_EQ(at_a.endpoint, peer_b(*b).endpoint);
  EXPECT_EQ(at_b.endpoint, peer_a(*a).endpoint) << "B learnt it from A's handshake";
}

TEST_P(TunnelTest, ReportsWhatItWasGiven) {
  auto a = open_a();
  auto b = open_b();
  wireguard::DeviceConfig desired{.private_key = key_a_, .listen_port = a->listen_port()};
  SeededRandom random(7);
  // Far more than one netlink message holds.
  for (std::uint8_t i = 0; i < 64; ++i) {
    auto peer = peer_b(*b);
    peer.public_key = crypto::ExchangeSecret::generate(random).public_key();
    peer.allowed_ips.clear();
    for (std::uint8_t j = 0; j < (i == 5 ? 200 : 2); ++j)
      peer.allowed_ips.push_back({IpAddress::v4(ByteArray<4>{10, 67, i, j}), 32});
    peer.allowed_ips.push_back(
        {IpAddress::v6(ByteArray<16>{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, i}), 128});
    if (i % 2 == 0) peer.endpoint = endpoint("[2001:db8::1]:7");
    desired.peers[peer.public_key] = peer;
  }
  const auto now = [&] { return config_of(a->status().value()); };
  ASSERT_TRUE(a->apply(diff(desired, now())));
  EXPECT_TRUE(diff(desired, now()).empty());

  // Take some away, change the others.
  int number = 0;
  for (auto peer = desired.peers.begin(); peer != desired.peers.end(); ++number) {
    if (number % 3 == 0) {
      peer = desired.peers.erase(peer);
      continue;
    }
    peer->second.allowed_ips.pop_back();
    peer->second.keepalive_s = 0;
    peer->second.endpoint = endpoint("203.0.113.77:77");
    ++peer;
  }
  ASSERT_TRUE(a->apply(diff(desired, now())));
  EXPECT_TRUE(diff(desired, now()).empty());
  EXPECT_EQ(a->status()->peers.size(), desired.peers.size());
}

TEST_P(TunnelTest, KeepsItsSessionWhenEndpointAndPresharedKeyChange) {
  auto a = open_a();
  auto b = open_b();
  connect(*a, *b);
  const auto handshake = only_peer(*a).latest_handshake;
  const auto other_address = endpoint("203.0.113.12:" + std::to_string(b->listen_port()));
  ASSERT_TRUE(a->set_endpoint(key_b_.public_key(), other_address));
  EXPECT_EQ(only_peer(*a).endpoint, other_address);

  wireguard::DeviceConfig desired = config_of(a->status().value());
  desired.peers.begin()->second.preshared_key.expose_mutable().fill(3);
  ASSERT_TRUE(a->apply(diff(desired, config_of(a->status().value()))));
  EXPECT_TRUE(only_peer(*a).preshared_key == desired.peers.begin()->second.preshared_key);
  EXPECT_TRUE(ping_from_a()) << "the next handshake uses the new key, the session goes on";
  EXPECT_EQ(only_peer(*a).latest_handshake, handshake);
}

TEST_P(TunnelTest, SendsAKeepaliveAtOnceAndPutsTheIntervalBack) {
  auto a = open_a();
  auto b = open_b();
  connect(*a, *b);
  for (const std::uint16_t interval : {std::uint16_t{25}, std::uint16_t{0}}) {
    const Operation set[] = {
        UpdatePeer{.public_key = key_b_.public_key(), .keepalive_s = interval}};
    ASSERT_TRUE(a->apply(set));
    for (int i = 0; i < 3; ++i) {
      const auto before = only_peer(*a).tx_bytes;
      const auto heard_before = only_peer(*b).rx_bytes;
      ASSERT_TRUE(a->send_keepalive(key_b_.public_key()));
      EXPECT_TRUE(lab::eventually(kSoon, [&] { return only_peer(*a).tx_bytes >= before + 32; }));
      EXPECT_TRUE(
          lab::eventually(kSoon, [&] { return only_peer(*b).rx_bytes >= heard_before + 32; }));
      EXPECT_EQ(only_peer(*a).keepalive_s, interval);
    }
  }
}

TEST_P(TunnelTest, KeepaliveWithoutASessionBeginsAHandshake) {
  auto a = open_a();
  auto b = open_b();
  auto to_b = peer_b(*b);
  to_b.keepalive_s = 0;
  const Operation add_b[] = {AddPeer{to_b}};
  const Operation add_a[] = {AddPeer{peer_a(*a)}};
  ASSERT_TRUE(b->apply(add_a));
  ASSERT_TRUE(a->apply(add_b));
  ASSERT_TRUE(a->send_keepalive(key_b_.public_key()));
  EXPECT_TRUE(lab::eventually(kSoon, [&] { return only_peer(*a).latest_handshake; }));
  EXPECT_EQ(only_peer(*a).keepalive_s, 0);
}

TEST_P(TunnelTest, ReplacesAPeerWithAllItsSettings) {
  auto a = open_a();
  auto b = open_b();
  connect(*a, *b);
  // WireGuard ignores a second initiation within 50 ms of the first: let there be some traffic.
  lab::must_run({"ping", "-n", "-c", "2", "-i", "0.2", "10.66.0.2"}, {.netns_fd = a_.fd()});
  auto replacement = peer_b(*b);
  // Nowhere, so that the new handshake waits for us.
  replacement.endpoint = endpoint("203.0.113.99:9");
  replacement.keepalive_s = 0;
  ASSERT_TRUE(a->replace_peer(replacement));
  auto peer = only_peer(*a);
  EXPECT_FALSE(peer.latest_handshake) << "the session is gone";
  EXPECT_EQ(peer.rx_bytes, 0u);
  EXPECT_TRUE(peer.preshared_key == preshared_);
  EXPECT_EQ(peer.allowed_ips, replacement.allowed_ips);
  EXPECT_EQ(peer.endpoint, replacement.endpoint);
  ASSERT_TRUE(a->replace_peer(peer_b(*b)));
  EXPECT_TRUE(lab::eventually(kSoon, [&] { return ping_from_a(); }));
  EXPECT_TRUE(only_peer(*a).latest_handshake);
  EXPECT_EQ(only_peer(*a).keepalive_s, 25);
}

TEST_P(TunnelTest, IgnoresPeersThatItDoesNotHave) {
  auto a = open_a();
  EXPECT_TRUE(a->set_endpoint(key_b_.public_key(), endpoint("203.0.113.2:1")));
  EXPECT_TRUE(a->send_keepalive(key_b_.public_key()));
  const Operation remove[] = {wireguard::RemovePeer{key_b_.public_key()}};
  EXPECT_TRUE(a->apply(remove));
  EXPECT_TRUE(a->apply({}));
  EXPECT_TRUE(a->status()->peers.empty());
}

INSTANTIATE_TEST_SUITE_P(Backends, TunnelTest, testing::Values(Backend::userspace, Backend::kernel),
                         [](const auto& p) {
                           return p.param == Backend::kernel ? "Kernel" : "Userspace";
                         });

}  // namespace
}  // namespace lanrage::agent::test
