#include "device_model.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace lanrage::wireguard::test {
namespace {

void take_addresses_from_others(DeviceConfig& device, const PeerConfig& owner) {
  for (auto& [key, peer] : device.peers) {
    if (key == owner.public_key) continue;
    std::erase_if(peer.allowed_ips,
                  [&](const Prefix& p) { return std::ranges::count(owner.allowed_ips, p) > 0; });
  }
}

std::vector<Prefix> sorted(std::vector<Prefix> prefixes) {
  std::ranges::sort(prefixes);
  return prefixes;
}

struct Model {
  DeviceConfig& device;

  void operator()(const SetPrivateKey& set) const {
    device.private_key = set.private_key;
    device.peers.erase(set.private_key.public_key());
  }
  void operator()(const SetListenPort& set) const { device.listen_port = set.port; }
  void operator()(const RemovePeer& remove) const { device.peers.erase(remove.public_key); }
  void operator()(const AddPeer& add) const {
    EXPECT_FALSE(device.peers.contains(add.peer.public_key)) << "added twice";
    device.peers[add.peer.public_key] = add.peer;
    take_addresses_from_others(device, add.peer);
  }
  void operator()(const UpdatePeer& update) const {
    const auto found = device.peers.find(update.public_key);
    if (found == device.peers.end()) return;
    auto& peer = found->second;
    if (update.preshared_key) peer.preshared_key = *update.preshared_key;
    if (update.endpoint) peer.endpoint = update.endpoint;
    if (update.keepalive_s) peer.keepalive_s = *update.keepalive_s;
    if (update.allowed_ips) {
      peer.allowed_ips = *update.allowed_ips;
      take_addresses_from_others(device, peer);
    }
  }
  void operator()(const ReplacePeer& replace) const {
    (*this)(RemovePeer{replace.peer.public_key});
    (*this)(AddPeer{replace.peer});
  }
};

}  // namespace

void perform(DeviceConfig& device, const Operation& operation) {
  std::visit(Model{device}, operation);
}

void perform(DeviceConfig& device, const std::vector<Operation>& operations) {
  for (const auto& operation : operations)
    perform(device, operation);
}

DeviceConfig random_device(Random& random) {
  DeviceConfig device{.private_key = crypto::ExchangeSecret::generate(random),
                      .listen_port = static_cast<std::uint16_t>(random.below(65536))};
  std::vector<Prefix> free_addresses;
  for (std::uint32_t i = 0; i < 12; ++i)
    free_addresses.push_back({IpAddress::v4(0x0a420000 + i), 32});
  ByteArray<16> v6{0xfd};
  for (std::uint8_t i = 0; i < 4; ++i) {
    v6[15] = i;
    free_addresses.push_back({IpAddress::v6(v6), 128});
  }
  const auto peers = random.below(9);
  for (std::uint64_t i = 0; i < peers; ++i) {
    PeerConfig peer;
    peer.public_key.bytes.fill(static_cast<std::uint8_t>(random.below(10) + 1));
    if (device.peers.contains(peer.public_key)) continue;
    if (random.below(2) == 0) {
      // Few values, so that unchanged ones happen.
      peer.preshared_key.expose_mutable().fill(static_cast<std::uint8_t>(random.below(3)));
    }
    if (random.below(3) != 0)
      peer.endpoint = Endpoint{
          random.below(2) == 0 ? IpAddress::v4(0xcb007100) : *IpAddress::parse("2001:db8::7"),
          static_cast<std::uint16_t>(random.below(3) + 1)};
    peer.keepalive_s = static_cast<std::uint16_t>(random.below(2) * 25);
    for (auto addresses = random.below(4); addresses > 0 && !free_addresses.empty(); --addresses) {
      const auto pick = static_cast<std::ptrdiff_t>(random.below(free_addresses.size()));
      peer.allowed_ips.push_back(free_addresses[static_cast<std::size_t>(pick)]);
      free_addresses.erase(free_addresses.begin() + pick);
    }
    device.peers[peer.public_key] = peer;
  }
  return device;
}

void expect_same(const DeviceConfig& a, const DeviceConfig& b) {
  EXPECT_TRUE(a.private_key.bytes() == b.private_key.bytes());
  EXPECT_EQ(a.listen_port, b.listen_port);
  ASSERT_EQ(a.peers.size(), b.peers.size());
  for (const auto& [key, peer] : a.peers) {
    ASSERT_TRUE(b.peers.contains(key));
    const auto& other = b.peers.at(key);
    EXPECT_TRUE(peer.preshared_key == other.preshared_key);
    EXPECT_EQ(peer.endpoint, other.endpoint);
    EXPECT_EQ(peer.keepalive_s, other.keepalive_s);
    EXPECT_EQ(sorted(peer.allowed_ips), sorted(other.allowed_ips));
  }
}

DeviceStatus status_of(const DeviceConfig& config) {
  DeviceStatus status{.private_key = config.private_key.bytes(), .listen_port = config.listen_port};
  for (const auto& [key, peer] : config.peers) {
    status.peers[key] = PeerStatus{.public_key = key,
                                   .preshared_key = peer.preshared_key,
                                   .endpoint = peer.endpoint,
                                   .allowed_ips = peer.allowed_ips,
                                   .keepalive_s = peer.keepalive_s};
  }
  return status;
}

Endpoint endpoint(std::string_view text) {
  const auto parsed = Endpoint::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Endpoint{});
}

Prefix prefix(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  EXPECT_TRUE(address) << text;
  return {address.value_or(IpAddress{}),
          static_cast<std::uint8_t>(std::stoi(std::string(text.substr(slash + 1))))};
}

}  // namespace lanrage::wireguard::test
