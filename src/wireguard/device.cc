#include "wireguard/device.hpp"

#include <algorithm>

namespace lanrage::wireguard {
namespace {

std::vector<Prefix> sorted_unique(std::vector<Prefix> prefixes) {
  std::ranges::sort(prefixes);
  const auto rest = std::ranges::unique(prefixes);
  prefixes.erase(rest.begin(), rest.end());
  return prefixes;
}

std::optional<UpdatePeer> update(const PeerConfig& desired, const PeerConfig& actual) {
  UpdatePeer change{.public_key = desired.public_key};
  bool any = false;
  if (!(desired.preshared_key == actual.preshared_key)) {
    change.preshared_key = desired.preshared_key;
    any = true;
  }
  if (desired.endpoint && desired.endpoint != actual.endpoint) {
    change.endpoint = desired.endpoint;
    any = true;
  }
  if (sorted_unique(desired.allowed_ips) != sorted_unique(actual.allowed_ips)) {
    change.allowed_ips = desired.allowed_ips;
    any = true;
  }
  if (desired.keepalive_s != actual.keepalive_s) {
    change.keepalive_s = desired.keepalive_s;
    any = true;
  }
  if (!any) return std::nullopt;
  return change;
}

}  // namespace

DeviceConfig config_of(const DeviceStatus& status) {
  DeviceConfig config{.private_key = crypto::ExchangeSecret::from_bytes(status.private_key),
                      .listen_port = status.listen_port};
  for (const auto& [key, peer] : status.peers) {
    config.peers.emplace(key, PeerConfig{.public_key = peer.public_key,
                                         .preshared_key = peer.preshared_key,
                                         .endpoint = peer.endpoint,
                                         .allowed_ips = peer.allowed_ips,
                                         .keepalive_s = peer.keepalive_s});
  }
  return config;
}

std::vector<Operation> diff(const DeviceConfig& desired, const DeviceConfig& actual) {
  std::vector<Operation> operations;
  // The key first: a device drops a peer that has the device's own public key.
  if (!(desired.private_key.bytes() == actual.private_key.bytes()))
    operations.push_back(SetPrivateKey{desired.private_key});
  if (desired.listen_port != actual.listen_port)
    operations.push_back(SetListenPort{desired.listen_port});
  for (const auto& [key, peer] : actual.peers) {
    if (!desired.peers.contains(key)) operations.push_back(RemovePeer{key});
  }
  // An address moves to the peer that is given it last. Each list is written whole, and desired
  // lists share no address, so the order of the peers doesn't matter.
  for (const auto& [key, peer] : desired.peers) {
    if (const auto found = actual.peers.find(key); found == actual.peers.end())
      operations.push_back(AddPeer{peer});
    else if (auto change = update(peer, found->second))
      operations.push_back(*std::move(change));
  }
  return operations;
}

}  // namespace lanrage::wireguard
