#include <cstdlib>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "base/netlink_message.hpp"
#include "wireguard/netlink.hpp"

namespace lanrage::wireguard::netlink {
namespace {

constexpr std::uint16_t kFamilyV4 = 2;
constexpr std::uint16_t kFamilyV6 = 10;
constexpr int kAddressInUse = 98;  // EADDRINUSE

std::unexpected<Error> malformed(std::string_view what) {
  return fail(Errc::malformed_reply, "the kernel's WireGuard answered something that can't be read",
              std::string(what));
}

std::unexpected<Error> refused(int error) {
  const long number = error < 0 ? -static_cast<long>(error) : error;
  if (number == kAddressInUse)
    return fail(Errc::port_in_use, "another program has this UDP port", "listen_port");
  return fail(Errc::device_refused,
              "the kernel's WireGuard refused the request with errno " + std::to_string(number));
}

bool read_secret(ByteView payload, Secret<32>& out) {
  if (payload.size() != 32) return false;
  std::memcpy(out.expose_mutable().data(), payload.data(), 32);
  return true;
}

template <class T>
bool read_number(ByteView payload, T& out) {
  if (payload.size() != sizeof out) return false;
  std::memcpy(&out, payload.data(), sizeof out);
  return true;
}

std::optional<IpAddress> address_from(std::uint16_t family, ByteView bytes) {
  ByteReader reader(bytes);
  std::optional<IpAddress> out;
  if (family == kFamilyV4) out = IpAddress::v4(reader.array<4>());
  if (family == kFamilyV6) out = IpAddress::v6(reader.array<16>());
  return reader.ok() ? out : std::nullopt;
}

bool read_endpoint(ByteView payload, std::optional<Endpoint>& out) {
  const auto family = plain_at_start<std::uint16_t>(payload);
  if (!family) return false;
  const std::size_t address_at = *family == kFamilyV4 ? 4 : 8;  // sin_addr, sin6_addr
  if (payload.size() < address_at) return false;
  const auto address = address_from(*family, payload.subspan(address_at));
  if (!address) return false;
  out = Endpoint{*address, static_cast<std::uint16_t>(payload[2] << 8 | payload[3])};
  return true;
}

bool read_time(ByteView payload, std::optional<UnixTime>& out) {
  struct {
    std::int64_t seconds;
    std::int64_t nanoseconds;
  } time{};
  if (!read_number(payload, time)) return false;
  constexpr std::int64_t kMaxSeconds = std::int64_t{1} << 40;  // in milliseconds still in range
  if (time.seconds < 0 || time.seconds > kMaxSeconds || time.nanoseconds < 0 ||
      time.nanoseconds >= 1'000'000'000)
    return false;
  if (time.seconds == 0 && time.nanoseconds == 0) return true;  // no handshake yet
  out = UnixTime(std::chrono::seconds(time.seconds) +
                 std::chrono::milliseconds(time.nanoseconds / 1'000'000));
  return true;
}

bool read_allowed_ip(ByteView attributes, std::vector<Prefix>& out) {
  std::uint16_t family = 0;
  std::uint8_t length = 0;
  ByteView address_bytes;
  const bool ok = for_each_netlink_attribute(attributes, [&](const NetlinkAttribute& a) {
    switch (a.type) {
      case WGALLOWEDIP_A_FAMILY:
        return read_number(a.payload, family);
      case WGALLOWEDIP_A_CIDR_MASK:
        return read_number(a.payload, length);
      case WGALLOWEDIP_A_IPADDR:
        address_bytes = a.payload;
        return true;
      default:
        return true;
    }
  });
  const auto address = address_from(family, address_bytes);
  if (!ok || !address || length > (address->is_v4() ? 32 : 128)) return false;
  if (out.size() >= kMaxAllowedIps) return false;
  out.push_back({*address, length});
  return true;
}

bool read_peer_attribute(const NetlinkAttribute& a, PeerStatus& peer) {
  switch (a.type) {
    case WGPEER_A_PRESHARED_KEY:
      return read_secret(a.payload, peer.preshared_key);
    case WGPEER_A_ENDPOINT:
      return read_endpoint(a.payload, peer.endpoint);
    case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
      return read_number(a.payload, peer.keepalive_s);
    case WGPEER_A_LAST_HANDSHAKE_TIME:
      return read_time(a.payload, peer.latest_handshake);
    case WGPEER_A_RX_BYTES:
      return read_number(a.payload, peer.rx_bytes);
    case WGPEER_A_TX_BYTES:
      return read_number(a.payload, peer.tx_bytes);
    case WGPEER_A_ALLOWEDIPS:
      return for_each_netlink_attribute(a.payload, [&](const NetlinkAttribute& entry) {
        return read_allowed_ip(entry.payload, peer.allowed_ips);
      });
    default:
      return true;
  }
}

}  // namespace

Result<std::uint16_t> parse_family_reply(ByteView datagram) {
  std::optional<std::uint16_t> family;
  int error = 0;
  const bool ok = for_each_netlink_message(datagram, [&](const NetlinkMessage& message) {
    if (message.type == NLMSG_ERROR) {
      error = plain_at_start<int>(message.payload).value_or(0);
      return true;
    }
    if (message.type != GENL_ID_CTRL || message.payload.size() < GENL_HDRLEN) return true;
    return for_each_netlink_attribute(
        message.payload.subspan(GENL_HDRLEN), [&](const NetlinkAttribute& a) {
          return a.type != CTRL_ATTR_FAMILY_ID || read_number(a.payload, family.emplace());
        });
  });
  if (error != 0) return refused(error);
  if (!ok || !family) return malformed("family");
  return *family;
}

Result<void> DumpParser::add(ByteView datagram) {
  Result<void> result;
  const bool ok = for_each_netlink_message(datagram, [&](const NetlinkMessage& message) {
    if ((message.flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
    switch (message.type) {
      case NLMSG_NOOP:
        return true;
      case NLMSG_OVERRUN:
        result = malformed("overrun");
        return false;
      case NLMSG_DONE:
      case NLMSG_ERROR: {
        const auto error = plain_at_start<int>(message.payload);
        if (!error)
          result = malformed("error");
        else if (*error != 0)
          result = refused(*error);
        else if (message.type == NLMSG_DONE)
          done_ = true;
        return result.has_value();
      }
      default:
        break;
    }
    const auto header = plain_at_start<genlmsghdr>(message.payload);
    if (!header || header->cmd != WG_CMD_GET_DEVICE)
      result = malformed("command");
    else
      result = add_device(message.payload.subspan(GENL_HDRLEN));
    return result.has_value();
  });
  if (!result) return result;
  if (!ok) return malformed("length");
  return {};
}

Result<void> DumpParser::add_device(ByteView attributes) {
  Result<void> result;
  const bool ok = for_each_netlink_attribute(attributes, [&](const NetlinkAttribute& a) {
    switch (a.type) {
      case WGDEVICE_A_PRIVATE_KEY:
        return read_secret(a.payload, status_.private_key);
      case WGDEVICE_A_LISTEN_PORT:
        return read_number(a.payload, status_.listen_port);
      case WGDEVICE_A_PEERS:
        return for_each_netlink_attribute(a.payload, [&](const NetlinkAttribute& peer) {
          result = add_peer(peer.payload);
          return result.has_value();
        });
      default:
        return true;
    }
  });
  if (!result) return result;
  if (!ok) return malformed("device");
  return {};
}

Result<void> DumpParser::add_peer(ByteView attributes) {
  std::optional<crypto::ExchangeKey> key;
  bool ok = for_each_netlink_attribute(attributes, [&](const NetlinkAttribute& a) {
    return a.type != WGPEER_A_PUBLIC_KEY || read_number(a.payload, key.emplace().bytes);
  });
  if (!ok || !key) return malformed("public_key");
  // A peer whose allowed IPs don't fit one message goes on in the next, with only its key.
  auto& peer = status_.peers[*key];
  peer.public_key = *key;
  ok = for_each_netlink_attribute(
      attributes, [&](const NetlinkAttribute& a) { return read_peer_attribute(a, peer); });
  if (!ok) return malformed("peer");
  return {};
}

}  // namespace lanrage::wireguard::netlink
