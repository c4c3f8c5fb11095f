#include "device_watch.hpp"

#include <cstring>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "io/netlink.hpp"
#include "io/unique_fd.hpp"
#include "wireguard/netlink.hpp"
#include "wireguard/uapi.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kPause{20};
constexpr int kDumpAttempts = 5;

using wireguard::DeviceStatus;

std::optional<DeviceStatus> of_userspace(const std::string& interface) {
  const auto path = "/var/run/wireguard/" + interface + ".sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw LabError("socket path too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  const io::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::nullopt;
  const auto request = wireguard::uapi::kGetRequest;
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return std::nullopt;
  std::string reply;
  char buffer[4096];
  while (!wireguard::uapi::is_complete(reply)) {
    const auto got = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return std::nullopt;
    reply.append(buffer, static_cast<std::size_t>(got));
  }
  auto status = wireguard::uapi::parse_get_reply(reply);
  if (!status) throw LabError("wireguard-go answered: " + status.error().message());
  return *std::move(status);
}

std::optional<DeviceStatus> of_kernel(const std::string& interface) {
  namespace netlink = wireguard::netlink;
  auto socket = io::NetlinkSocket::open(NETLINK_GENERIC);
  if (!socket) return std::nullopt;
  std::uint16_t family = 0;
  const auto found = socket->query(netlink::encode_family_request(socket->next_sequence()),
                                   "find WireGuard", [&](ByteView datagram) -> Result<bool> {
                                     auto parsed = netlink::parse_family_reply(datagram);
                                     if (!parsed) return std::unexpected(parsed.error());
                                     family = *parsed;
                                     return true;
                                   });
  if (!found) return std::nullopt;
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    netlink::DumpParser parser;
    const auto dumped =
        socket->query(netlink::encode_get(family, interface, socket->next_sequence()),
                      "read " + interface, [&](ByteView datagram) -> Result<bool> {
                        if (auto added = parser.add(datagram); !added)
                          return std::unexpected(added.error());
                        return parser.done();
                      });
    if (!dumped) return std::nullopt;
    if (!parser.interrupted()) return std::move(parser).take();
  }
  throw LabError(interface + " changed all the time");
}

}  // namespace

std::optional<DeviceStatus> device_status(const NetNamespace& netns, const std::string& interface) {
  if (auto status = of_userspace(interface)) return status;
  return netns.inside([&] { return of_kernel(interface); });
}

DeviceWatch::DeviceWatch(std::vector<const Player*> players)
    : players_(std::move(players)), thread_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          look();
          std::this_thread::sleep_for(kPause);
        }
      }) {}

DeviceWatch::~DeviceWatch() = default;

void DeviceWatch::look() {
  // Held while reading: what was read before a forget() mustn't come in after it.
  const std::lock_guard lock(mutex_);
  for (const auto* player : players_) {
    const auto status = device_status(player->host().netns(), player->interface());
    if (!status) continue;
    for (const auto& [key, peer] : status->peers) {
      auto& allowed = seen_[player][key];
      for (const auto& prefix : peer.allowed_ips)
        allowed.insert(prefix.to_string());
    }
  }
}

std::map<crypto::ExchangeKey, DeviceWatch::Allowed> DeviceWatch::ever(const Player& player) {
  look();
  const std::lock_guard lock(mutex_);
  return seen_[&player];
}

void DeviceWatch::forget() {
  const std::lock_guard lock(mutex_);
  seen_.clear();
}

bool DeviceWatch::has(const Player& player, const crypto::ExchangeKey& key) {
  const auto status = device_status(player.host().netns(), player.interface());
  return status && status->peers.contains(key);
}

}  // namespace lanrage::lab
