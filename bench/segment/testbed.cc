#include "segment/testbed.hpp"

#include <array>
#include <type_traits>

#include "support/process.hpp"

namespace lanrage::bench {
namespace {

IpAddress numbered(std::string_view network, int number) {
  return IpAddress::parse(std::string(network) + std::to_string(number)).value();
}

template <class Value>
Value checked(Result<Value> result) {
  if (!result) throw lab::LabError(result.error().message());
  if constexpr (!std::is_void_v<Value>) return std::move(*result);
}

// Both ends of a tunnel with each other as a peer. `agents`: without an address for games.
void join(Machine& a, Machine& b, std::unique_ptr<agent::Tunnel> Machine::* which, bool agents) {
  crypto::SystemRandom random;
  const std::array keys{crypto::ExchangeSecret::generate(random),
                        crypto::ExchangeSecret::generate(random)};
  const Secret<32> preshared(random.array<32>());
  const std::array machines{&a, &b};
  const auto address = [&](int number) { return numbered(agents ? "fd00::" : "10.77.0.", number); };
  for (int i = 0; i < 2; ++i) {
    agent::TunnelOptions options{.backend = agent::Backend::userspace,
                                 .interface_name = lab::unique_interface_name(),
                                 .vip = {},
                                 .prefix = Prefix::parse("10.77.0.0/16").value(),
                                 .key = keys[static_cast<std::size_t>(i)]};
    if (agents) {
      options.agent_address = address(i + 1);
      options.agent_prefix_length = 64;
    } else {
      options.vip = address(i + 1);
    }
    machines[static_cast<std::size_t>(i)]->*which =
        machines[static_cast<std::size_t>(i)]->netns.inside(
            [&] { return checked(agent::open_tunnel(options)); });
  }
  for (int i = 0; i < 2; ++i) {
    const auto other = static_cast<std::size_t>(1 - i);
    const wireguard::Operation add = wireguard::AddPeer{wireguard::PeerConfig{
        .public_key = keys[other].public_key(),
        .preshared_key = preshared,
        .endpoint =
            Endpoint{numbered("203.0.113.", 2 - i), (machines[other]->*which)->listen_port()},
        .allowed_ips = {{address(2 - i), static_cast<std::uint8_t>(agents ? 128 : 32)}},
        .keepalive_s = 0}};
    checked((machines[static_cast<std::size_t>(i)]->*which)->apply({&add, 1}));
  }
}

}  // namespace

Testbed::Testbed() {
  a_.netns.ip("link add e0 type veth peer name e0 netns " + b_.netns.name() + "\n");
  for (int i = 1; i <= 2; ++i)
    (i == 1 ? a_ : b_)
        .netns.ip("link set e0 up\naddr add " + numbered("203.0.113.", i).to_string() +
                  "/24 dev e0\n");
  join(a_, b_, &Machine::bare, false);
  join(a_, b_, &Machine::carrier, true);
  std::array<lan::Member, 2> members;
  for (int i = 1; i <= 2; ++i) {
    auto& member = members[static_cast<std::size_t>(i - 1)];
    member.wireguard.bytes.fill(static_cast<std::uint8_t>(i));
    member.vip = numbered("10.66.0.", i);
    member.underlay = numbered("fd00::", i);
  }
  for (auto* machine : {&a_, &b_}) {
    const auto self = static_cast<std::size_t>(machine == &a_ ? 0 : 1);
    const auto segment =
        lan::make_segment(PartyId{}, Prefix::parse("10.66.0.0/16").value(), members[self],
                          {&members[1 - self], 1}, agent::kTunnelMtu);
    machine->lan = machine->netns.inside([&] {
      return checked(agent::LanSegment::open({.interface_name = "",
                                              .wireguard = machine->carrier->interface_name(),
                                              .segment = segment}));
    });
  }
}

}  // namespace lanrage::bench
