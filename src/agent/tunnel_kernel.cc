#include "agent/tunnel_kernel.hpp"

#include <linux/netlink.h>

#include "agent/tunnel_link.hpp"
#include "io/netlink.hpp"
#include "wireguard/netlink.hpp"

namespace lanrage::agent {
namespace {

constexpr int kDumpAttempts = 5;  // a dump is repeated when the device changed meanwhile

// Removes the interface at the end, however far opening came.
class OwnedLink {
 public:
  OwnedLink(io::Links links, std::string name) : links_(std::move(links)), name_(std::move(name)) {}
  OwnedLink(const OwnedLink&) = delete;
  OwnedLink& operator=(const OwnedLink&) = delete;
  ~OwnedLink() {
    // Whoever removed it before us did our work.
    (void)links_.remove(name_);
  }

  io::Links& links() { return links_; }
  const std::string& name() const { return name_; }

 private:
  io::Links links_;
  std::string name_;
};

class KernelTunnel final : public Tunnel {
 public:
  KernelTunnel(std::unique_ptr<OwnedLink> link, io::NetlinkSocket socket, std::uint16_t family)
      : Tunnel(link->name()), link_(std::move(link)), socket_(std::move(socket)), family_(family) {}

  // Tries ports until the interface comes up with one.
  Result<void> bring_up(const TunnelOptions& options) {
    for (int attempt = 0; const auto port = port_to_try(options.listen_port, attempt); ++attempt) {
      const wireguard::Operation set_port = wireguard::SetListenPort{*port};
      auto result = do_apply({&set_port, 1});
      if (result) {
        // The port is bound only now.
        if (auto up = link_->links().set_up(interface_name()); !up)
          result = std::unexpected(tunnel_error(up.error()));
      }
      if (result) {
        set_listen_port(*port);
        return {};
      }
      if (!result.error().is(TunnelErrc::port_taken)) return result;
    }
    return port_taken(options.listen_port);
  }

  Result<wireguard::DeviceStatus> status() override {
    for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
      wireguard::netlink::DumpParser parser;
      auto result = socket_.query(
          wireguard::netlink::encode_get(family_, interface_name(), socket_.next_sequence()),
          "read the state of " + interface_name(), [&](ByteView datagram) -> Result<bool> {
            if (auto added = parser.add(datagram); !added)
              return std::unexpected(std::move(added).error());
            return parser.done();
          });
      if (!result) return std::unexpected(tunnel_error(result.error()));
      if (!parser.interrupted()) return std::move(parser).take();
    }
    return fail(TunnelErrc::device_failed,
                "the state of " + interface_name() + " changed at each of 5 attempts to read it");
  }

  bool is_kernel() const override { return true; }

 protected:
  Result<void> do_apply(std::span<const wireguard::Operation> operations) override {
    auto messages = wireguard::netlink::encode_set(family_, interface_name(), operations,
                                                   socket_.next_sequence());
    if (!messages) return std::unexpected(tunnel_error(messages.error()));
    Result<void> result;
    for (std::size_t i = 0; i < messages->size(); ++i) {
      if (i > 0) (void)socket_.next_sequence();  // encode_set numbered them in a row
      if (result) result = socket_.request((*messages)[i], "configure " + interface_name());
    }
    if (!result) return std::unexpected(tunnel_error(result.error()));
    return {};
  }

 private:
  std::unique_ptr<OwnedLink> link_;
  io::NetlinkSocket socket_;
  std::uint16_t family_;
};

std::unexpected<Error> no_kernel_wireguard(const Error& cause) {
  return fail(TunnelErrc::no_kernel_wireguard, "this kernel has no WireGuard (" + cause.message() +
                                                   "); --wireguard userspace does without");
}

Result<std::uint16_t> find_family(io::NetlinkSocket& socket) {
  std::optional<std::uint16_t> family;
  auto result = socket.query(wireguard::netlink::encode_family_request(socket.next_sequence()),
                             "find the kernel's WireGuard", [&](ByteView datagram) -> Result<bool> {
                               auto parsed = wireguard::netlink::parse_family_reply(datagram);
                               if (!parsed) return std::unexpected(std::move(parsed).error());
                               family = *parsed;
                               return true;
                             });
  if (!result) return no_kernel_wireguard(result.error());
  return *family;
}

}  // namespace

Result<std::unique_ptr<Tunnel>> open_kernel_tunnel(const TunnelOptions& options,
                                                   const std::string& name) {
  auto links = io::Links::open();
  if (!links) return std::unexpected(tunnel_error(links.error()));
  if (auto created = links->create(name, "wireguard"); !created) {
    if (created.error().is(io::NetlinkErrc::not_supported))
      return no_kernel_wireguard(created.error());
    return std::unexpected(tunnel_error(created.error()));
  }
  auto link = std::make_unique<OwnedLink>(*std::move(links), name);
  if (auto marked = mark_as_ours(link->links(), name); !marked)
    return std::unexpected(std::move(marked).error());
  auto socket = io::NetlinkSocket::open(NETLINK_GENERIC);
  if (!socket) return std::unexpected(tunnel_error(socket.error()));
  const auto family = find_family(*socket);
  if (!family) return std::unexpected(family.error());
  if (auto given = give_address(link->links(), options, name); !given)
    return std::unexpected(std::move(given).error());

  auto tunnel = std::make_unique<KernelTunnel>(std::move(link), *std::move(socket), *family);
  const wireguard::Operation set_key = wireguard::SetPrivateKey{options.key};
  if (auto set = tunnel->apply({&set_key, 1}); !set) return std::unexpected(std::move(set).error());
  if (auto up = tunnel->bring_up(options); !up) return std::unexpected(std::move(up).error());
  return tunnel;
}

bool kernel_has_wireguard() {
  auto socket = io::NetlinkSocket::open(NETLINK_GENERIC);
  return socket && find_family(*socket);
}

}  // namespace lanrage::agent
