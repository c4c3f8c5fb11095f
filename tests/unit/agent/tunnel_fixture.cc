#include "tunnel_fixture.hpp"

#include <filesystem>
#include <fstream>

namespace lanrage::agent::test {

namespace fs = std::filesystem;

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

TunnelTest::TunnelTest() {
  a_.ip("link add e0 type veth peer name e0 netns " + b_.name() +
        "\nlink set e0 up\naddr add 203.0.113.1/24 dev e0\naddr add 203.0.113.11/24 dev e0\n");
  b_.ip("link set e0 up\naddr add 203.0.113.2/24 dev e0\naddr add 203.0.113.12/24 dev e0\n");
}

void TunnelTest::SetUp() {
  if (GetParam() != Backend::kernel) return;
  const auto tunnel = open(a_, options(1));
  if (!tunnel && tunnel.error().is(TunnelErrc::no_kernel_wireguard))
    GTEST_SKIP() << tunnel.error().message();
}

TunnelOptions TunnelTest::options(int host, const std::string& name) const {
  return {.backend = GetParam(),
          .interface_name = name,
          .vip = IpAddress::v4(0x0a420000 + static_cast<std::uint32_t>(host)),
          .prefix = Prefix::parse("10.66.0.0/16").value(),
          .key = host == 1 ? key_a_ : key_b_};
}

Result<std::unique_ptr<Tunnel>> TunnelTest::open(const lab::NetNamespace& netns,
                                                 const TunnelOptions& options) {
  return netns.inside([&] { return open_tunnel(options); });
}

std::unique_ptr<Tunnel> TunnelTest::open_a(const std::string& name) {
  auto tunnel = open(a_, options(1, name));
  if (!tunnel) throw lab::LabError(tunnel.error().message());
  return std::move(tunnel).value();
}

std::unique_ptr<Tunnel> TunnelTest::open_b(const std::string& name) {
  auto tunnel = open(b_, options(2, name));
  if (!tunnel) throw lab::LabError(tunnel.error().message());
  return std::move(tunnel).value();
}

wireguard::PeerConfig TunnelTest::peer_a(const Tunnel& a) const {
  return {.public_key = key_a_.public_key(),
          .preshared_key = preshared_,
          .endpoint = Endpoint{IpAddress::parse("203.0.113.1").value(), a.listen_port()},
          .allowed_ips = {{IpAddress::parse("10.66.0.1").value(), 32}},
          .keepalive_s = 25};
}

wireguard::PeerConfig TunnelTest::peer_b(const Tunnel& b) const {
  return {.public_key = key_b_.public_key(),
          .preshared_key = preshared_,
          .endpoint = Endpoint{IpAddress::parse("203.0.113.2").value(), b.listen_port()},
          .allowed_ips = {{IpAddress::parse("10.66.0.2").value(), 32}},
          .keepalive_s = 25};
}

wireguard::PeerStatus TunnelTest::only_peer(Tunnel& tunnel) const {
  const auto status = tunnel.status();
  if (!status) {
    ADD_FAILURE() << status.error().message();
    return {};
  }
  EXPECT_EQ(status->peers.size(), 1u);
  return status->peers.empty() ? wireguard::PeerStatus{} : status->peers.begin()->second;
}

void TunnelTest::connect(Tunnel& a, Tunnel& b) {
  auto passive = peer_a(a);
  passive.endpoint.reset();
  const wireguard::Operation to_b[] = {wireguard::AddPeer{peer_b(b)}};
  const wireguard::Operation to_a[] = {wireguard::AddPeer{passive}};
  ASSERT_TRUE(b.apply(to_a));
  ASSERT_TRUE(a.apply(to_b));
  ASSERT_TRUE(lab::eventually(kSoon, [&] { return ping_from_a(); }));
}

bool TunnelTest::ping_from_a() const {
  return lab::run({"ping", "-n", "-c", "1", "-W", "1", "10.66.0.2"}, {.netns_fd = a_.fd()})
             .status == 0;
}

bool TunnelTest::has_interface(const lab::NetNamespace& netns, const std::string& name) {
  return lab::run({"ip", "link", "show", "dev", name}, {.netns_fd = netns.fd()}).status == 0;
}

bool TunnelTest::has_socket(const std::string& name) {
  return fs::exists("/var/run/wireguard/" + name + ".sock");
}

pid_t TunnelTest::userspace_pid(const std::string& name) {
  const std::string wanted = std::string("--foreground") + '\0' + name + '\0';
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    if (text.ends_with(wanted)) return std::stoi(entry.path().filename());
  }
  return 0;
}

}  // namespace lanrage::agent::test
