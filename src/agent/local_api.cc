#include "agent/local_api.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "agent/api_arguments.hpp"
#include "agent/checkup.hpp"
#include "agent/clock.hpp"
#include "agent/games_json.hpp"
#include "agent/json_secret.hpp"
#include "agent/netcheck.hpp"
#include "agent/status_json.hpp"
#include "io/http_client.hpp"
#include "io/tls.hpp"

namespace lanrage::agent {
namespace {

namespace json = boost::json;

constexpr int kMaxPings = 100;

json::value or_null(const std::optional<Endpoint>& endpoint) {
  return endpoint ? json::value(endpoint->to_string()) : json::value(nullptr);
}

// The exit statuses that users' scripts rely on (docs/guide/cli.md).
constexpr int kServerUnreachable = 4;

int exit_status(const Error& error) {
  if (error.is(AgentErrc::no_party)) return 5;
  if (error.is(io::ClientErrc::cannot_resolve) || error.is(io::ClientErrc::server_unreachable) ||
      error.is(io::ClientErrc::timeout) || error.is(io::ClientErrc::connection_lost))
    return kServerUnreachable;
  return 1;
}

json::object entered_json(const Agent& agent, const Agent::Entered& entered) {
  const auto& session = *entered.session;
  json::object out{{"schema", 1},
                   {"party_id", session.id().to_string()},
                   {"name", session.name()},
                   {"vip", session.vip().to_string()},
                   {"peer_id", agent.peer_id().to_string()}};
  if (!entered.note.empty()) out["note"] = entered.note;
  return out;
}

}  // namespace

boost::asio::awaitable<WipedString> LocalApi::answer(WipedString request) {
  boost::system::error_code bad;
  const auto document = json::parse(request, bad, wiped_storage());
  const auto* object = bad ? nullptr : document.if_object();
  Result<json::object> result = fail(ApiErrc::malformed_request, "the request is no JSON object");
  if (object != nullptr) result = co_await dispatch(*object);
  if (result)
    co_return to_wiped_text(
        json::object({{"ok", true}, {"result", std::move(*result)}}, wiped_storage()));
  const auto& error = result.error();
  json::object problem{
      {"code", error.code()}, {"message", error.message()}, {"exit", exit_status(error)}};
  if (!error.field().empty()) problem["field"] = error.field();
  co_return to_wiped_text(json::object{{"ok", false}, {"error", std::move(problem)}});
}

LocalApi::Answer LocalApi::dispatch(const json::object& request) {
  struct Row {
    std::string_view name;
    Answer (LocalApi::*run)(const json::object&);
  };
  static constexpr std::array kCommands{
      Row{"create", &LocalApi::create},
      Row{"join", &LocalApi::join},
      Row{"status", &LocalApi::status},
      Row{"ping", &LocalApi::ping},
      Row{"list", &LocalApi::list},
      Row{"nick", &LocalApi::nick},
      Row{"leave", &LocalApi::leave},
      Row{"netcheck", &LocalApi::netcheck},
      Row{"discover", &LocalApi::discover},
      Row{"games", &LocalApi::games},
      Row{"doctor", &LocalApi::doctor},
      Row{"open", &LocalApi::open},
      Row{"close", &LocalApi::close},
      Row{"invite", &LocalApi::invite},
      Row{"invite_list", &LocalApi::invite_list},
      Row{"invite_revoke", &LocalApi::invite_revoke},
      Row{"kick", &LocalApi::kick},
      Row{"promote", &LocalApi::promote},
      Row{"demote", &LocalApi::demote},
      Row{"rotate", &LocalApi::rotate},
  };
  Arguments arguments(request);
  const auto command = arguments.text("command");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  const auto* row = std::ranges::find(kCommands, command, &Row::name);
  if (row == kCommands.end())
    co_return fail(ApiErrc::unknown_command, "this agent has no command \"" + command + "\"",
                   "command");
  co_return co_await (this->*row->run)(request);
}

Result<std::shared_ptr<PartySession>> LocalApi::party_of(const json::object& request) const {
  Arguments arguments(request);
  const auto name = arguments.optional_text("party");
  if (arguments.error()) return std::unexpected(*arguments.error());
  return agent_.find_party(name);
}

Result<LocalApi::Target> LocalApi::target_of(const json::object& request) const {
  auto session = party_of(request);
  if (!session) return std::unexpected(session.error());
  Arguments arguments(request);
  const auto name = arguments.text("peer");
  if (arguments.error()) return std::unexpected(*arguments.error());
  auto peer = (*session)->find_peer(name);
  if (!peer) return std::unexpected(peer.error());
  return Target{std::move(*session), *peer};
}

LocalApi::Answer LocalApi::create(const json::object& request) {
  Arguments arguments(request);
  CreateOptions options;
  options.party.name = arguments.text("name");
  options.local = arguments.flag("local");
  if (!options.local) options.server = arguments.text("server");
  options.nick = arguments.text("nick");
  options.pin = arguments.optional_text("pin");
  options.word = arguments.optional_text("word");
  options.party.keep = arguments.flag("keep");
  if (arguments.flag("close_with_host"))
    options.party.host_leaves = party::HostLeaves::closes_party;
  if (const auto text = arguments.optional_text("prefix")) {
    options.any_prefix = false;
    if (const auto prefix = Prefix::parse(*text))
      options.party.prefix = *prefix;
    else
      arguments.refuse("prefix", "must be an IPv4 prefix such as 10.66.0.0/16");
  }
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  const auto local_instead =
      "or create a party on this LAN alone: lanrage create " + options.party.name + " --local";
  auto entered = co_await agent_.create(std::move(options));
  if (!entered) {
    const auto& error = entered.error();
    co_return std::unexpected(
        exit_status(error) == kServerUnreachable ? error.with_advice(local_instead) : error);
  }
  json::object out(entered_json(agent_, *entered), wiped_storage());
  out["invite"] = json::string_view(entered->invite);
  co_return out;
}

LocalApi::Answer LocalApi::join(const json::object& request) {
  Arguments arguments(request);
  auto invite = arguments.secret("invite");
  auto nick = arguments.text("nick");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  auto entered = co_await agent_.join(std::move(invite), std::move(nick));
  if (!entered) co_return std::unexpected(entered.error());
  auto out = entered_json(agent_, *entered);
  json::array peers;
  const auto row = entered->session->report();
  for (const auto& peer : row.peers)
    peers.emplace_back(peer_json(peer, row.link, unix_now()));
  out["peers"] = std::move(peers);
  co_return out;
}

LocalApi::Answer LocalApi::status(const json::object&) {
  json::array parties;
  json::array endpoints;
  auto nat = stun::NatType::unknown;
  for (const auto& session : agent_.sessions()) {
    auto row = status_json(session->report(), unix_now());
    json::array deputies;
    for (const auto& deputy : deputies_of(session->ledger()))
      deputies.emplace_back(deputy.to_string());
    row["deputies"] = std::move(deputies);
    parties.emplace_back(std::move(row));
    if (nat == stun::NatType::unknown) nat = session->connectivity().nat().type;
    for (const auto& endpoint : session->connectivity().own_endpoints())
      endpoints.emplace_back(endpoint.to_string());
  }
  const auto warnings = agent_.warnings();
  co_return json::object{{"schema", 1},
                         {"self",
                          {{"peer_id", agent_.peer_id().to_string()},
                           {"nat_type", stun::name_of(nat)},
                           {"endpoints", std::move(endpoints)}}},
                         {"parties", std::move(parties)},
                         {"warnings", json::array(warnings.begin(), warnings.end())}};
}

LocalApi::Answer LocalApi::ping(const json::object& request) {
  const auto target = target_of(request);
  if (!target) co_return std::unexpected(target.error());
  Arguments arguments(request);
  const auto count = arguments.number("count", 4, 1, kMaxPings);
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  const auto echoes = co_await target->session->ping(target->peer, static_cast<int>(count));
  std::vector<double> rtts;
  for (const auto& rtt : echoes)
    if (rtt) rtts.push_back(to_ms(*rtt));
  json::object out{{"schema", 1},
                   {"sent", echoes.size()},
                   {"received", rtts.size()},
                   {"rtt_ms", nullptr},
                   {"path", nullptr}};
  if (!rtts.empty()) {
    double sum = 0;
    for (const double rtt : rtts)
      sum += rtt;
    out["rtt_ms"] = json::object{{"min", std::ranges::min(rtts)},
                                 {"avg", sum / static_cast<double>(rtts.size())},
                                 {"max", std::ranges::max(rtts)}};
  }
  if (const auto report = target->session->connectivity().report(target->peer))
    out["path"] = path::name_of(report->path.path);
  co_return out;
}

LocalApi::Answer LocalApi::list(const json::object&) {
  json::array parties;
  for (const auto& session : agent_.sessions()) {
    const auto row = session->report();
    parties.emplace_back(json::object{{"id", row.id.to_string()},
                                      {"name", row.name},
                                      {"vip", row.vip.to_string()},
                                      {"peers", row.peers.size()},
                                      {"server", row.server_url}});
  }
  co_return json::object{{"schema", 1}, {"parties", std::move(parties)}};
}

LocalApi::Answer LocalApi::nick(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  Arguments arguments(request);
  const auto nick = arguments.text("nick");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  if (auto renamed = co_await (*session)->rename(nick); !renamed)
    co_return std::unexpected(renamed.error());
  co_return json::object{{"schema", 1}, {"nick", nick}};
}

LocalApi::Answer LocalApi::leave(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  json::object out{
      {"schema", 1}, {"party_id", (*session)->id().to_string()}, {"name", (*session)->name()}};
  auto note = co_await agent_.leave(*session);
  if (!note) co_return std::unexpected(note.error());
  if (!note->empty()) out["note"] = *note;
  co_return out;
}

LocalApi::Answer LocalApi::netcheck(const json::object& request) {
  Arguments arguments(request);
  const auto server = arguments.text("server");
  const auto pin = arguments.optional_text("pin");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  auto report = co_await check_network(agent_.context(), server, pin);
  if (!report) co_return std::unexpected(report.error());
  json::array relays;
  for (const auto& relay : report->relays)
    relays.emplace_back(json::object{
        {"id", relay.id},
        {"region", relay.region},
        {"rtt_ms", relay.rtt ? json::value(to_ms(*relay.rtt)) : json::value(nullptr)},
        {"load", relay.load},
        {"capacity", relay.capacity == 0 ? json::value(nullptr) : json::value(relay.capacity)}});
  const auto& nat = report->nat;
  json::value portmap;  // a party's: the check's own port lives too short for one
  for (const auto& session : agent_.sessions())
    if (portmap.is_null()) portmap = portmap_json(session->report());
  co_return json::object{{"schema", 1},
                         {"nat_type", stun::name_of(nat.type)},
                         {"mapping", stun::name_of(nat.mapping)},
                         {"public_endpoint", or_null(nat.public_endpoint)},
                         {"ipv6", report->ipv6},
                         {"ipv6_endpoint", or_null(report->ipv6_endpoint())},
                         {"portmap", std::move(portmap)},
                         {"relays", std::move(relays)},
                         {"udp", nat.udp}};
}

LocalApi::Answer LocalApi::doctor(const json::object& request) {
  Arguments arguments(request);
  const auto server = arguments.optional_text("server");
  const auto pin = arguments.optional_text("pin");
  if (pin && !server) arguments.refuse("pin", "belongs to a server; name it as well");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  co_return findings_json(co_await check_up(agent_, server, pin));
}

LocalApi::Answer LocalApi::games(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  const auto rows = co_await (*session)->games();
  if (!rows) co_return std::unexpected(rows.error());
  co_return games_json(*rows, monotonic_now());
}

LocalApi::Answer LocalApi::discover(const json::object&) {
  const auto found = co_await agent_.discover();
  json::array parties;
  for (const auto& [party, source] : found)
    parties.emplace_back(
        json::object{{"id", party.id.to_string()},
                     {"name", party.name},
                     {"host", party.host},
                     {"members", party.members},
                     {"server", party.server_url()},
                     {"pin", io::to_text(party.pin)},
                     {"source", name_of(source)},
                     {"joined", agent_.find_party(party.id.to_string()).has_value()}});
  co_return json::object{{"schema", 1}, {"parties", std::move(parties)}};
}

}  // namespace lanrage::agent
