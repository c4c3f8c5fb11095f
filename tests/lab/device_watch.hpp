// Looks at players' WireGuard devices again and again: which keys did each ever have as a peer, and
// for which addresses?
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "crypto/keys.hpp"
#include "support/player.hpp"
#include "wireguard/device.hpp"

namespace lanrage::lab {

// Nothing while there is no such device.
std::optional<wireguard::DeviceStatus> device_status(const NetNamespace& netns,
                                                     const std::string& interface);

class DeviceWatch {
 public:
  using Allowed = std::set<std::string>;  // prefixes, as text

  explicit DeviceWatch(std::vector<const Player*> players);
  ~DeviceWatch();
  DeviceWatch(const DeviceWatch&) = delete;
  DeviceWatch& operator=(const DeviceWatch&) = delete;

  // Since the beginning, or forget(), or right now. Each has looked at least once since the call.
  std::map<crypto::ExchangeKey, Allowed> ever(const Player& player);
  void forget();
  const std::vector<const Player*>& players() const { return players_; }
  static bool has(const Player& player, const crypto::ExchangeKey& key);

 private:
  void look();

  std::vector<const Player*> players_;
  std::mutex mutex_;
  std::map<const Player*, std::map<crypto::ExchangeKey, Allowed>> seen_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace lanrage::lab
