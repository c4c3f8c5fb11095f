#include "agent/netcheck.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/clock.hpp"
#include "agent/joining.hpp"
#include "agent/local_addresses.hpp"
#include "agent/local_discovery.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;

udp::endpoint to_asio(const Endpoint& endpoint) {
  return {asio::ip::address_v4(endpoint.address.v4_value()), endpoint.port};
}

Endpoint from_asio(const udp::endpoint& endpoint) {
  return {IpAddress::v4(endpoint.address().to_v4().to_uint()), endpoint.port()};
}

void send_all(udp::socket& socket, stun::Datagrams& datagrams) {
  for (const auto& datagram : datagrams) {
    if (!datagram.to.address.is_v4()) continue;  // the socket is IPv4's
    boost::system::error_code lost;              // like any datagram that gets lost
    socket.send_to(asio::buffer(datagram.bytes), to_asio(datagram.to), 0, lost);
  }
  datagrams.clear();
}

// Runs the probe on its socket until every request is answered or given up.
asio::awaitable<void> run(udp::socket& socket, stun::NatProbe& probe) {
  stun::Datagrams datagrams;
  probe.start(monotonic_now(), datagrams);
  send_all(socket, datagrams);
  std::array<std::uint8_t, 1500> buffer;
  while (!probe.finished()) {
    asio::steady_timer timer(socket.get_executor());
    timer.expires_after(*probe.next_timeout() - monotonic_now());
    timer.async_wait([&socket](const boost::system::error_code& cancelled) {
      boost::system::error_code ignored;
      if (!cancelled) socket.cancel(ignored);
    });
    udp::endpoint from;
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const auto size = co_await socket.async_receive_from(asio::buffer(buffer), from, token);
    timer.cancel();
    const auto now = monotonic_now();
    if (!error)
      if (const auto message = stun::MessageView::parse(ByteView(buffer.data(), size)))
        probe.on_datagram(now, from_asio(from), *message, datagrams);
    probe.on_timeout(now, datagrams);
    send_all(socket, datagrams);
  }
}

// The control server's own STUN service; one without a relay isn't in the list of relays.
void add_servers_own(const std::vector<Endpoint>& own, stun::NatProbeConfig& config) {
  if (own.empty()) return;
  const auto listed =
      std::ranges::find(config.servers, own[0], &stun::NatProbeConfig::Server::primary);
  if (listed != config.servers.end()) return;
  config.servers.push_back({own[0], own.size() > 1 ? std::optional(own[1]) : std::nullopt});
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
  boost::system::error_code failed;
  udp::socket socket(context.io);
  socket.open(udp::v4(), failed);
  if (!failed) socket.bind({udp::v4(), 0}, failed);
  if (!failed) socket.non_blocking(true, failed);
  if (failed) co_return fail(JoinErrc::no_socket, "cannot open a UDP socket: " + failed.message());

  auto config =
      nat_probe_config(server.relays, local_addresses({}), socket.local_endpoint().port());
  add_servers_own(server.stun, config);
  std::vector<Endpoint> asked;
  asked.reserve(config.servers.size());
  for (const auto& service : config.servers)
    asked.push_back(service.primary);
  crypto::SystemRandom random;
  stun::NatProbe probe(std::move(config), random);
  co_await run(socket, probe);

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
