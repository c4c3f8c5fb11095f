#include "agent/checkup.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>

#include "agent/clock.hpp"
#include "agent/http_date.hpp"
#include "agent/machine_facts.hpp"
#include "agent/netcheck.hpp"
#include "agent/routes.hpp"
#include "io/http_client.hpp"
#include "io/tls.hpp"
#include "lan/station.hpp"
#include "trust/tunnel_address.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto kInfoTime = 10s;
constexpr int kEchoes = 3;  // of one size, before it counts as too large
// Common limits of links (PPPoE, other tunnels, IPv6's least), less what WireGuard adds.
constexpr std::array<std::size_t, 8> kSizes{576, 1000, 1200, 1280, 1320, 1360, 1380, 1412};

struct ServerToAsk {
  std::string url;
  std::optional<std::string> pin;
  friend bool operator==(const ServerToAsk&, const ServerToAsk&) = default;
};

Result<io::Origin> origin_of(const ServerToAsk& server) {
  auto origin = io::Origin::parse(server.url);
  if (!origin)
    return fail(JoinErrc::bad_server, "no server's address; expected https://HOST[:PORT]",
                "server");
  if (server.pin) {
    origin->policy.pin = io::parse_pin(*server.pin);
    if (!origin->policy.pin)
      return fail(JoinErrc::bad_pin,
                  "a pin is 26 letters and digits, as the server prints it when it starts", "pin");
  }
  return *std::move(origin);
}

asio::awaitable<ServerFacts> ask_server(AgentContext& context, ServerToAsk server) {
  ServerFacts out{.url = server.url, .pinned = server.pin.has_value(), .error = std::nullopt};
  auto origin = origin_of(server);
  if (!origin) {
    out.error = origin.error();
    co_return out;
  }
  const auto http = io::HttpClient::make(context.io, *std::move(origin));
  const auto sent = unix_now();
  const auto answer =
      co_await http->request(io::Method::get, "/info", io::Headers(), std::string(), kInfoTime);
  const auto received = unix_now();
  if (!answer) {
    out.error = answer.error();
    co_return out;
  }
  if (const auto date = answer->headers.find("Date"))
    out.clock_ahead = clock_ahead(*date, sent, received);
  const auto info = protocol::parse<protocol::InfoAnswer>(answer->body);
  if (!info) {
    out.error = info.error().with_context("no lanrage server answers there");
    co_return out;
  }
  auto network = co_await probe_network(context, *info);
  if (network)
    out.network = *std::move(network);
  else
    out.error = network.error();
  co_return out;
}

// Somebody whose WireGuard answers.
std::optional<PeerRow> connected_peer(const PartySession& session) {
  const auto row = session.report();
  const auto found = std::ranges::find_if(row.peers, [](const PeerRow& peer) {
    return peer.report && (peer.report->path.path == path::PathKind::direct ||
                           peer.report->path.path == path::PathKind::relay);
  });
  if (found == row.peers.end()) return std::nullopt;
  return *found;
}

asio::awaitable<bool> gets_through(std::shared_ptr<PartySession> session, PeerId peer,
                                   std::size_t size) {
  for (int i = 0; i < kEchoes; ++i) {
    const auto rtt = co_await session->echo(peer, size);
    if (rtt) co_return true;
  }
  co_return false;
}

asio::awaitable<std::optional<MtuFacts>> measure_mtu(std::shared_ptr<PartySession> session) {
  const auto peer = connected_peer(*session);
  if (!peer) co_return std::nullopt;
  MtuFacts out{peer->nick, mtu_of(session->vip_interface()), std::nullopt};
  if (co_await gets_through(session, peer->id, out.wanted)) {
    out.works = out.wanted;
    co_return out;
  }
  // Between the largest known to work and the least known not to.
  const auto* low = kSizes.begin();
  const auto* high = std::ranges::lower_bound(kSizes, out.wanted);
  while (low < high) {
    const auto* middle = low + (out.works ? (high - low) / 2 : 0);
    if (co_await gets_through(session, peer->id, *middle)) {
      out.works = *middle;
      low = middle + 1;
    } else if (!out.works) {
      break;  // not even the smallest
    } else {
      high = middle;
    }
  }
  co_return out;
}

std::optional<MappingFacts> mapping_of(const PartySession& session) {
  const auto row = session.report();
  if (!row.mapping) return std::nullopt;
  return MappingFacts{std::string(portmap::title_of(row.mapping->method)), row.mapped_endpoint};
}

std::optional<SegmentFacts> segment_of(const PartySession& session, const PeerId& self) {
  const auto* member = session.ledger().member(self);
  if (!session.lan().has_segment() || member == nullptr) return std::nullopt;
  return SegmentFacts{lan::segment_numbers(session.id()).port,
                      trust::tunnel_address(session.id(), member->wireguard)};
}

std::vector<ServerToAsk> servers_of(const Agent& agent) {
  std::vector<ServerToAsk> out;
  for (const auto& session : agent.sessions()) {
    const auto& saved = session->saved();
    ServerToAsk server{saved.server_url, std::nullopt};
    if (saved.pin) server.pin = io::to_text(*saved.pin);
    if (std::ranges::find(out, server) == out.end()) out.push_back(std::move(server));
  }
  return out;
}

}  // namespace

asio::awaitable<std::vector<Finding>> check_up(Agent& agent, std::optional<std::string> server,
                                               std::optional<std::string> pin) {
  auto facts = machine_facts(agent.context().backend);
  facts.agent_warnings = agent.warnings();
  facts.dormant_parties = agent.dormant();
  auto servers = servers_of(agent);
  if (server) servers = {{*server, pin}};
  for (const auto& each : servers)
    facts.servers.push_back(co_await ask_server(agent.context(), each));
  // A copy: some may end meanwhile.
  const std::vector sessions(agent.sessions().begin(), agent.sessions().end());
  for (const auto& session : sessions) {
    const auto& saved = session->saved();
    auto mtu = co_await measure_mtu(session);
    facts.parties.push_back({.name = session->name(),
                             .interface = saved.interface,
                             .lan_interface = session->vip_interface(),
                             .prefix = session->prefix(),
                             .vip = session->vip(),
                             .port = saved.listen_port,
                             .port_bound = is_udp_port_bound(saved.listen_port),
                             .mtu = std::move(mtu),
                             .mapping = mapping_of(*session),
                             .segment = segment_of(*session, agent.peer_id()),
                             .no_segment = session->lan().no_segment()});
  }
  co_return diagnose(facts);
}

std::vector<Finding> check_machine(std::string problem) {
  auto facts = machine_facts(Backend::automatic);
  facts.agent_problem = std::move(problem);
  return diagnose(facts);
}

json::object findings_json(const std::vector<Finding>& findings) {
  json::array rows;
  for (const auto& finding : findings)
    rows.emplace_back(json::object{
        {"check", finding.check},
        {"status", name_of(finding.status)},
        {"detail", finding.detail},
        {"advice", finding.advice.empty() ? json::value(nullptr) : json::value(finding.advice)}});
  const auto count = [&](FindingStatus status) {
    return std::ranges::count(findings, status, &Finding::status);
  };
  return {{"schema", 1},
          {"findings", std::move(rows)},
          {"problems", count(FindingStatus::problem)},
          {"warnings", count(FindingStatus::warning)}};
}

}  // namespace lanrage::agent
