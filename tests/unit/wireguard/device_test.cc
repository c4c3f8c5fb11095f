#include "wireguard/device.hpp"

#include <gtest/gtest.h>

#include "device_model.hpp"

namespace lanrage::wireguard {
namespace {

using namespace test;

PeerConfig some_peer(std::uint8_t number) {
  PeerConfig peer;
  peer.public_key.bytes.fill(number);
  peer.preshared_key.expose_mutable().fill(7);
  peer.endpoint = endpoint("203.0.113.9:51820");
  peer.allowed_ips = {prefix("10.66.0.2/32")};
  peer.keepalive_s = 25;
  return peer;
}

DeviceConfig device_with(const std::vector<PeerConfig>& peers) {
  SeededRandom random(1);
  DeviceConfig device{.private_key = crypto::ExchangeSecret::generate(random),
                      .listen_port = 50000};
  for (const auto& peer : peers)
    device.peers[peer.public_key] = peer;
  return device;
}

TEST(Diff, AppliedToTheActualDeviceGivesTheDesiredOne) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    auto desired = random_device(random);
    auto actual = random_device(random);
    if (random.below(2) == 0) actual.private_key = desired.private_key;
    perform(actual, diff(desired, actual));
    // An endpoint can be set but not unset.
    for (auto& [key, peer] : desired.peers) {
      if (!peer.endpoint) peer.endpoint = actual.peers.at(key).endpoint;
    }
    expect_same(actual, desired);
    EXPECT_TRUE(diff(desired, actual).empty());
    if (HasFailure()) return;
  }
}

TEST(Diff, NeverAddsAPeerThatIsThereAlready) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SeededRandom random(seed);
    const auto desired = random_device(random);
    const auto actual = random_device(random);
    for (const auto& operation : diff(desired, actual)) {
      EXPECT_FALSE(std::holds_alternative<ReplacePeer>(operation));
      if (const auto* add = std::get_if<AddPeer>(&operation)) {
        EXPECT_FALSE(actual.peers.contains(add->peer.public_key)) << seed;
      }
      if (const auto* remove = std::get_if<RemovePeer>(&operation)) {
        EXPECT_FALSE(desired.peers.contains(remove->public_key)) << seed;
      }
    }
  }
}

TEST(Diff, ChangesAPresharedKeyInPlaceAndNothingElse) {
  const auto actual = device_with({some_peer(1)});
  auto changed = some_peer(1);
  changed.preshared_key.expose_mutable().fill(8);
  const auto operations = diff(device_with({changed}), actual);
  ASSERT_EQ(operations.size(), 1u);
  const auto* update = std::get_if<UpdatePeer>(&operations[0]);
  ASSERT_NE(update, nullptr);
  ASSERT_TRUE(update->preshared_key);
  EXPECT_TRUE(*update->preshared_key == changed.preshared_key);
  EXPECT_FALSE(update->endpoint);
  EXPECT_FALSE(update->allowed_ips);
  EXPECT_FALSE(update->keepalive_s);
}

TEST(Diff, SaysNothingWhenOnlyTheOrderOfAllowedIpsDiffers) {
  auto a = some_peer(1);
  auto b = some_peer(1);
  a.allowed_ips = {prefix("10.66.0.2/32"), prefix("10.66.0.3/32")};
  b.allowed_ips = {prefix("10.66.0.3/32"), prefix("10.66.0.2/32")};
  EXPECT_TRUE(diff(device_with({a}), device_with({b})).empty());
}

TEST(Diff, LeavesAnEndpointAloneThatTheConfigurationDoesNotName) {
  auto desired = some_peer(1);
  desired.endpoint.reset();
  EXPECT_TRUE(diff(device_with({desired}), device_with({some_peer(1)})).empty());
}

TEST(Diff, SwapsAddressesOfTwoPeersWithoutLosingOne) {
  auto first = some_peer(1);
  auto second = some_peer(2);
  second.allowed_ips = {prefix("10.66.0.3/32")};
  auto actual = device_with({first, second});
  std::swap(first.allowed_ips, second.allowed_ips);
  const auto desired = device_with({first, second});
  perform(actual, diff(desired, actual));
  expect_same(actual, desired);
}

TEST(ConfigOf, KeepsWhatTheDeviceReports) {
  SeededRandom random(5);
  const auto config = random_device(random);
  expect_same(config_of(status_of(config)), config);
}

}  // namespace
}  // namespace lanrage::wireguard
