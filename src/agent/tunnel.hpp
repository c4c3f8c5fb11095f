// One party's WireGuard device, in the kernel or as a wireguard-go child, behind one interface.
//
// All of it works in the network namespace of the calling thread, synchronously (calls on a device
// take about a millisecond; opening one up to a few seconds), and from one thread, which must live
// as long as the tunnel: a wireguard-go child is told to end with the thread that started it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "crypto/keys.hpp"
#include "wireguard/device.hpp"

namespace lanrage::agent {

enum class TunnelErrc {
  bad_interface_name,
  interface_taken,         // exists and isn't a dead agent's of ours
  port_taken,              // another program has the UDP port
  no_permission,           // CAP_NET_ADMIN is missing
  no_kernel_wireguard,     // backend `kernel`, and the kernel has none
  no_userspace_wireguard,  // wireguard-go isn't installed or didn't start
  device_gone,             // removed by somebody, or wireguard-go ended
  device_failed,           // anything else the system said
};
constexpr std::string_view name_of(TunnelErrc e) {
  switch (e) {
    case TunnelErrc::bad_interface_name:
      return "bad_interface_name";
    case TunnelErrc::interface_taken:
      return "interface_taken";
    case TunnelErrc::port_taken:
      return "port_taken";
    case TunnelErrc::no_permission:
      return "no_permission";
    case TunnelErrc::no_kernel_wireguard:
      return "no_kernel_wireguard";
    case TunnelErrc::no_userspace_wireguard:
      return "no_userspace_wireguard";
    case TunnelErrc::device_gone:
      return "device_gone";
    case TunnelErrc::device_failed:
      return "device_failed";
  }
  return "unknown";
}

enum class Backend { automatic, kernel, userspace };

struct TunnelOptions {
  Backend backend = Backend::automatic;  // the kernel's if it has one
  // Empty: the first free of lanrage0 to lanrage255. A name that is kept across restarts finds and
  // removes what a killed agent left behind; an interface that isn't ours is never touched.
  std::string interface_name;
  IpAddress vip;  // unspecified: the LAN device has it
  Prefix prefix;
  crypto::ExchangeSecret key;
  // 0: a random free one of 49152-65535; remember listen_port() and pass it next time.
  std::uint16_t listen_port = 0;
  bool or_numbered = false;  // where interface_name is taken: the first free numbered one
  // Of the agent itself (IPv6), and the length of the prefix that the party's agents share. None
  // while unspecified; a machine without IPv6 goes without.
  IpAddress agent_address{};
  std::uint8_t agent_prefix_length = 0;
};

inline constexpr std::uint32_t kTunnelMtu = 1420;  // 1500 - 80 for WireGuard over IPv6

class Tunnel {
 public:
  virtual ~Tunnel() = default;  // removes the device
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  // TunnelErrc::device_gone once the device can't come back by itself: open a new tunnel.
  virtual Result<wireguard::DeviceStatus> status() = 0;
  // All operations in order.
  Result<void> apply(std::span<const wireguard::Operation> operations);

  // Sends nothing by itself. A peer that isn't configured is ignored (as by all three below).
  Result<void> set_endpoint(const crypto::ExchangeKey& peer, const Endpoint& endpoint);
  // See wireguard::ReplacePeer.
  Result<void> replace_peer(const wireguard::PeerConfig& peer);
  // Makes WireGuard send one packet at once: a keepalive, or without a session an initiation.
  Result<void> send_keepalive(const crypto::ExchangeKey& peer);

  const std::string& interface_name() const { return interface_name_; }
  std::uint16_t listen_port() const { return listen_port_; }
  virtual bool is_kernel() const = 0;
  // Why the kernel's WireGuard isn't used, for the log; empty when it is or wasn't wanted.
  const std::string& fallback_reason() const { return fallback_reason_; }

 protected:
  explicit Tunnel(std::string interface_name) : interface_name_(std::move(interface_name)) {}
  void set_listen_port(std::uint16_t port) { listen_port_ = port; }
  virtual Result<void> do_apply(std::span<const wireguard::Operation> operations) = 0;

 private:
  friend Result<std::unique_ptr<Tunnel>> open_tunnel(const TunnelOptions& options);
  void remember(const wireguard::Operation& operation);

  std::string interface_name_;
  std::uint16_t listen_port_ = 0;
  std::string fallback_reason_;
  // As applied, so that send_keepalive() can put the interval back.
  std::map<crypto::ExchangeKey, std::uint16_t> keepalive_s_;
};

// A device with key, port, MTU and address, up and ready for peers.
Result<std::unique_ptr<Tunnel>> open_tunnel(const TunnelOptions& options);

}  // namespace lanrage::agent
