#include "agent/netcheck.hpp"

#include <algorithm>

#include "agent/clock.hpp"
#include "agent/joining.hpp"
#include "agent/local_addresses.hpp"
#include "agent/local_discovery.hpp"
#include "agent/probe_socket.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

// Runs the probe on its socket until every request is answered or given up.
asio::awaitable<void> run(ProbeSocket& socket, stun::NatProbe& probe) {
  stun::Datagrams datagrams;
  probe.start(monotonic_now(), datagrams);
  socket.send_all(datagrams);
  while (!probe.finished()) {
    co_await socket.wait(*probe.next_timeout());
    const auto now = monotonic_now();
    while (const auto datagram = socket.receive())
      if (const auto message = stun::MessageView::parse(datagram->bytes))
        probe.on_datagram(now, datagram->from, *message, datagrams);
    probe.on_timeout(now, datagrams);
    socket.send_all(datagrams);
  }
}

// The control server's own STUN service; one without a relay isn't in the list of relays.
void add_servers_own(const std::vector<Endpoint>& own, stun::NatProbeConfig& config) {
  if (own.empty()) return;
  const auto listed =
      std::ranges::find(config.servers, own[0], &stun::NatProbeConfig::Server::primary);
  if (listed == config.servers.end()) add_stun_server(own, config);
}

}  // namespace

bool has_global_ipv6() {
  return std::ranges::any_of(local_addresses({}), [](const IpAddress& address) {
    return address.is_v6() && !address.is_private();
  });
}

asio::awaitable<Result<NetworkReport>> check_network(AgentContext& context, std::string server,
                                                     std::optional<std::string> pin) {
  auto control = connect_to(context, server, pin);
  if (!control) co_return std::unexpected(control.error());
  auto info = co_await (*control)->info();
  (*control)->close();
  if (!info) co_return std::unexpected(info.error());
  co_return co_await probe_network(context, *info);
}

asio::awaitable<Result<NetworkReport>> probe_network(AgentContext& context,
                                                     const protocol::InfoAnswer& server) {
  auto socket = ProbeSocket::open(context.io);
  if (!socket) co_return std::unexpected(socket.error());
  const auto own = local_addresses({});
  auto config = nat_probe_config(server.relays, own, (*socket)->port());
  add_servers_own(reachable_from(own, server.stun), config);
  std::vector<Endpoint> asked;
  asked.reserve(config.servers.size());
  for (const auto& service : config.servers)
    asked.push_back(service.primary);
  crypto::SystemRandom random;
  stun::NatProbe probe(std::move(config), random);
  co_await run(**socket, probe);

  NetworkReport out{.nat = probe.report(), .ipv6 = has_global_ipv6(), .asked = std::move(asked)};
  for (const auto& relay : server.relays) {
    NetworkReport::Relay row{relay.id,     relay.region, relay.endpoints, false,
                             std::nullopt, relay.load,   relay.capacity};
    for (const auto& answer : out.nat.answers) {
      if (std::ranges::find(relay.endpoints, answer.server) == relay.endpoints.end()) continue;
      row.answers = true;
      if (answer.rtt && (!row.rtt || *answer.rtt < *row.rtt)) row.rtt = answer.rtt;
    }
    out.relays.push_back(std::move(row));
  }
  co_return out;
}

}  // namespace lanrage::agent
