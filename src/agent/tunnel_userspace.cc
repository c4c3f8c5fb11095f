#include "agent/tunnel_userspace.hpp"

#include <chrono>

#include "agent/tunnel_link.hpp"
#include "agent/tunnel_process.hpp"
#include "io/netlink.hpp"
#include "wireguard/uapi.hpp"

namespace lanrage::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCheck{5};
constexpr milliseconds kUpLimit{5'000};        // it takes some milliseconds
constexpr milliseconds kLeftoverLimit{3'000};  // for a dead agent's wireguard-go to end

class UserspaceTunnel final : public Tunnel {
 public:
  UserspaceTunnel(const std::string& name, WireguardProcess process)
      : Tunnel(name), process_(std::move(process)) {}

  // Once the interface is up, wireguard-go binds some port by itself, a moment later. Only then
  // does it answer honestly whether a port that it's given can be had.
  Result<void> wait_until_up() {
    const auto deadline = std::chrono::steady_clock::now() + kUpLimit;
    while (true) {
      const auto now = status();
      if (!now) return std::unexpected(now.error());
      if (now->listen_port != 0) return {};
      if (std::chrono::steady_clock::now() > deadline)
        return fail(
            TunnelErrc::device_failed,
            "wireguard-go didn't open a UDP port within 5 s of " + interface_name() + " coming up");
      if (auto alive = process_.pause(kCheck); !alive) return alive;
    }
  }

  Result<void> take_port(std::uint16_t wanted) {
    for (int attempt = 0; const auto port = port_to_try(wanted, attempt); ++attempt) {
      const wireguard::Operation set_port = wireguard::SetListenPort{*port};
      auto result = do_apply({&set_port, 1});
      if (result) {
        set_listen_port(*port);
        return {};
      }
      if (!result.error().is(TunnelErrc::port_taken)) return result;
    }
    return port_taken(wanted);
  }

  Result<wireguard::DeviceStatus> status() override {
    const auto reply = process_.exchange(wireguard::uapi::kGetRequest);
    if (!reply) return std::unexpected(reply.error());
    auto parsed = wireguard::uapi::parse_get_reply(*reply);
    if (!parsed) return std::unexpected(tunnel_error(parsed.error()));
    return parsed;
  }

  bool is_kernel() const override { return false; }

 protected:
  Result<void> do_apply(std::span<const wireguard::Operation> operations) override {
    const auto reply = process_.exchange(wireguard::uapi::encode_set(operations));
    if (!reply) return std::unexpected(reply.error());
    if (auto parsed = wireguard::uapi::parse_set_reply(*reply); !parsed)
      return std::unexpected(tunnel_error(parsed.error()));
    return {};
  }

 private:
  WireguardProcess process_;
};

// A dead agent's wireguard-go may still be ending.
Result<void> wait_for_socket(const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kLeftoverLimit;
  while (control_socket_answers(name)) {
    if (std::chrono::steady_clock::now() > deadline)
      return fail(TunnelErrc::interface_taken,
                  "another WireGuard process answers on " + control_socket_path(name) +
                      ", perhaps in another network namespace; choose another name with "
                      "--interface",
                  "interface");
    ::usleep(10'000);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Tunnel>> open_userspace_tunnel(const TunnelOptions& options,
                                                      const std::string& name) {
  const bool may_wait = !options.interface_name.empty();
  if (may_wait) {
    if (auto gone = wait_for_socket(name); !gone) return std::unexpected(std::move(gone).error());
  } else if (control_socket_answers(name)) {
    return fail(TunnelErrc::interface_taken, "another WireGuard process uses the name " + name);
  }
  auto process = WireguardProcess::start(name);
  if (!process) return std::unexpected(std::move(process).error());
  auto tunnel = std::make_unique<UserspaceTunnel>(name, *std::move(process));

  auto links = io::Links::open();
  if (!links) return std::unexpected(tunnel_error(links.error()));
  if (auto marked = mark_as_ours(*links, name); !marked)
    return std::unexpected(std::move(marked).error());
  if (auto given = give_address(*links, options, name); !given)
    return std::unexpected(std::move(given).error());
  const wireguard::Operation set_key = wireguard::SetPrivateKey{options.key};
  if (auto set = tunnel->apply({&set_key, 1}); !set) return std::unexpected(std::move(set).error());
  if (auto up = links->set_up(name); !up) return std::unexpected(tunnel_error(up.error()));
  if (auto up = tunnel->wait_until_up(); !up) return std::unexpected(std::move(up).error());
  if (auto taken = tunnel->take_port(options.listen_port); !taken)
    return std::unexpected(std::move(taken).error());
  return tunnel;
}

}  // namespace lanrage::agent
