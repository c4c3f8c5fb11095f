// A WireGuard device as a value: what it should be, what it is, and the operations between.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"

namespace lanrage::wireguard {

enum class Errc {
  malformed_reply,    // what the device answered isn't what its interface documents
  device_refused,     // it answered with an errno
  port_in_use,        // that errno was EADDRINUSE
  message_too_large,  // one peer's settings don't fit a netlink message
};
constexpr std::string_view name_of(Errc e) {
  switch (e) {
    case Errc::malformed_reply:
      return "malformed_reply";
    case Errc::device_refused:
      return "device_refused";
    case Errc::port_in_use:
      return "port_in_use";
    case Errc::message_too_large:
      return "message_too_large";
  }
  return "unknown";
}

// Of one peer; a party has far fewer.
inline constexpr std::size_t kMaxAllowedIps = 256;

struct PeerConfig {
  crypto::ExchangeKey public_key{};
  Secret<32> preshared_key{};  // all zero: none
  // None leaves the device's endpoint as it is: WireGuard can't forget one.
  std::optional<Endpoint> endpoint{};
  std::vector<Prefix> allowed_ips{};  // order means nothing; no address in two peers
  std::uint16_t keepalive_s = 0;      // 0: off
};

struct DeviceConfig {
  crypto::ExchangeSecret private_key;
  std::uint16_t listen_port = 0;
  std::map<crypto::ExchangeKey, PeerConfig> peers{};
};

struct PeerStatus {
  crypto::ExchangeKey public_key{};
  Secret<32> preshared_key{};
  std::optional<Endpoint> endpoint{};
  std::vector<Prefix> allowed_ips{};
  std::uint16_t keepalive_s = 0;
  std::optional<UnixTime> latest_handshake{};
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_bytes = 0;
};

struct DeviceStatus {
  Secret<32> private_key{};  // all zero: none set
  std::uint16_t listen_port = 0;
  std::map<crypto::ExchangeKey, PeerStatus> peers{};
};

// The configuration that a device reports.
DeviceConfig config_of(const DeviceStatus& status);

struct SetPrivateKey {
  crypto::ExchangeSecret private_key;
};
struct SetListenPort {
  std::uint16_t port;
};
struct RemovePeer {
  crypto::ExchangeKey public_key{};
};
// The peer must not exist yet.
struct AddPeer {
  PeerConfig peer;
};
// Changes what is set here and keeps the peer's session. A peer that doesn't exist stays absent.
struct UpdatePeer {
  crypto::ExchangeKey public_key{};
  std::optional<Secret<32>> preshared_key{};
  std::optional<Endpoint> endpoint{};
  std::optional<std::vector<Prefix>> allowed_ips{};  // replaces all earlier ones
  std::optional<std::uint16_t> keepalive_s{};
};
// Removes and adds the peer in one transaction, so its sessions and the memory of its newest
// handshake timestamp are gone (an old initiation can be replayed once): a last resort.
struct ReplacePeer {
  PeerConfig peer;
};
using Operation =
    std::variant<SetPrivateKey, SetListenPort, RemovePeer, AddPeer, UpdatePeer, ReplacePeer>;

// What turns `actual` into `desired`, in the order to apply. Sessions survive whatever can be
// changed in place: a peer is never removed and added again.
std::vector<Operation> diff(const DeviceConfig& desired, const DeviceConfig& actual);

}  // namespace lanrage::wireguard
