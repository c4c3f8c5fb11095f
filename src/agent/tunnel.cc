#include "agent/tunnel.hpp"

#include <array>

#include "agent/tunnel_kernel.hpp"
#include "agent/tunnel_link.hpp"
#include "agent/tunnel_userspace.hpp"

namespace lanrage::agent {
namespace {

constexpr int kNumberedNames = 256;
constexpr std::uint16_t kBriefKeepalive = 25;  // any interval but 0

Result<std::unique_ptr<Tunnel>> open_either(const TunnelOptions& options, const std::string& name,
                                            std::string& reason) {
  if (options.backend == Backend::userspace) return open_userspace_tunnel(options, name);
  auto tunnel = open_kernel_tunnel(options, name);
  if (tunnel || options.backend == Backend::kernel ||
      !tunnel.error().is(TunnelErrc::no_kernel_wireguard))
    return tunnel;
  reason = tunnel.error().message();
  return open_userspace_tunnel(options, name);
}

}  // namespace

Result<void> Tunnel::apply(std::span<const wireguard::Operation> operations) {
  if (operations.empty()) return {};
  auto result = do_apply(operations);
  if (!result) return result;
  for (const auto& operation : operations)
    remember(operation);
  return {};
}

void Tunnel::remember(const wireguard::Operation& operation) {
  if (const auto* add = std::get_if<wireguard::AddPeer>(&operation)) {
    keepalive_s_[add->peer.public_key] = add->peer.keepalive_s;
  } else if (const auto* replace = std::get_if<wireguard::ReplacePeer>(&operation)) {
    keepalive_s_[replace->peer.public_key] = replace->peer.keepalive_s;
  } else if (const auto* remove = std::get_if<wireguard::RemovePeer>(&operation)) {
    keepalive_s_.erase(remove->public_key);
  } else if (const auto* update = std::get_if<wireguard::UpdatePeer>(&operation)) {
    const auto known = keepalive_s_.find(update->public_key);
    if (known != keepalive_s_.end() && update->keepalive_s) known->second = *update->keepalive_s;
  }
}

Result<void> Tunnel::set_endpoint(const crypto::ExchangeKey& peer, const Endpoint& endpoint) {
  const wireguard::Operation operation =
      wireguard::UpdatePeer{.public_key = peer, .endpoint = endpoint};
  return apply({&operation, 1});
}

Result<void> Tunnel::replace_peer(const wireguard::PeerConfig& peer) {
  const wireguard::Operation operation = wireguard::ReplacePeer{peer};
  return apply({&operation, 1});
}

Result<void> Tunnel::send_keepalive(const crypto::ExchangeKey& peer) {
  const auto known = keepalive_s_.find(peer);
  const std::uint16_t wanted = known == keepalive_s_.end() ? 0 : known->second;
  const auto interval = [&](std::uint16_t seconds) -> wireguard::Operation {
    return wireguard::UpdatePeer{.public_key = peer, .keepalive_s = seconds};
  };
  // Going from 0 to an interval sends one at once.
  const std::array operations{interval(0), interval(wanted == 0 ? kBriefKeepalive : wanted),
                              interval(wanted)};
  return apply(operations);
}

Result<std::unique_ptr<Tunnel>> open_tunnel(const TunnelOptions& options) {
  if (options.or_numbered && !options.interface_name.empty()) {
    auto one_name = options;
    one_name.or_numbered = false;
    auto tunnel = open_tunnel(one_name);
    if (tunnel || !tunnel.error().is(TunnelErrc::interface_taken)) return tunnel;
    one_name.interface_name.clear();
    return open_tunnel(one_name);
  }
  const bool numbered = options.interface_name.empty();
  if (!numbered) {
    if (auto valid = check_interface_name(options.interface_name); !valid)
      return std::unexpected(std::move(valid).error());
  }
  auto links = io::Links::open();
  if (!links) return std::unexpected(tunnel_error(links.error()));
  std::string reason;
  for (int number = 0; number < (numbered ? kNumberedNames : 1); ++number) {
    const auto name = numbered ? "lanrage" + std::to_string(number) : options.interface_name;
    if (numbered) {
      // Leftovers stay: the agent that kept this name will want it back.
      const auto existing = links->find(name);
      if (!existing) return std::unexpected(tunnel_error(existing.error()));
      if (*existing) continue;
    } else if (auto removed = remove_leftover(*links, name); !removed) {
      return std::unexpected(std::move(removed).error());
    }
    auto tunnel = open_either(options, name, reason);
    if (tunnel) {
      (*tunnel)->fallback_reason_ = reason;
      return tunnel;
    }
    if (!numbered || !tunnel.error().is(TunnelErrc::interface_taken)) return tunnel;
  }
  return fail(TunnelErrc::interface_taken,
              "the interfaces lanrage0 to lanrage255 all exist; remove some, or name one with "
              "--interface");
}

}  // namespace lanrage::agent
