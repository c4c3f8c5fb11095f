// The generic netlink protocol of in-kernel WireGuard (linux/wireguard.h), as bytes only: a shell
// owns the socket.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/wiped.hpp"
#include "wireguard/device.hpp"

namespace lanrage::wireguard::netlink {

// Bytes of one request at most: what wireguard-tools use (one page).
inline constexpr std::size_t kMaxMessage = 4096;

// Asks the generic netlink controller for the number of WireGuard's family.
WipedBytes encode_family_request(std::uint32_t sequence);
Result<std::uint16_t> parse_family_reply(ByteView datagram);

// WG_CMD_SET_DEVICE requests that apply all operations: the device's own settings first, then what
// concerns peers in the order given. Each is to be acknowledged before the next is sent; `sequence`
// numbers the first, the others follow. The removal and the addition of a ReplacePeer stay in one
// message.
Result<std::vector<WipedBytes>> encode_set(std::uint16_t family, std::string_view interface,
                                           std::span<const Operation> operations,
                                           std::uint32_t sequence, std::size_t limit = kMaxMessage);

// A WG_CMD_GET_DEVICE dump request.
WipedBytes encode_get(std::uint16_t family, std::string_view interface, std::uint32_t sequence);

// Collects the messages of a dump; peers that continue in a later message are merged.
class DumpParser {
 public:
  // `datagram` is one receive: some netlink messages. An NLMSG_ERROR is an Error.
  Result<void> add(ByteView datagram);
  bool done() const { return done_; }  // NLMSG_DONE came
  // The device changed during the dump: parts may not fit together, ask again.
  bool interrupted() const { return interrupted_; }
  DeviceStatus take() && { return std::move(status_); }

 private:
  Result<void> add_device(ByteView attributes);
  Result<void> add_peer(ByteView attributes);

  DeviceStatus status_;
  bool done_ = false;
  bool interrupted_ = false;
};

}  // namespace lanrage::wireguard::netlink
