#include "agent/status_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>

namespace lanrage::agent {
namespace {

namespace json = boost::json;

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value ms_or_null(const std::optional<Duration>& duration) {
  return duration ? json::value(to_ms(*duration)) : json::value(nullptr);
}

json::value note_of(const PartyRow& party) {
  std::string out;
  for (const auto* note : {&party.udp_note, &party.trust_note, &party.lan_note})
    if (*note) out += (out.empty() ? "" : "; ") + **note;
  return out.empty() ? json::value(nullptr) : json::value(out);
}

json::array alerts_json(const std::vector<Alert>& alerts) {
  json::array out;
  for (const auto& alert : alerts)
    out.emplace_back(json::object{
        {"code", name_of(alert.code)},
        {"message", alert.message},
        {"since", protocol::format_time(alert.since)},
        {"until", alert.until ? json::value(protocol::format_time(*alert.until)) : nullptr}});
  return out;
}

}  // namespace

double to_ms(Duration duration) {
  return static_cast<double>(duration.count()) / 1000.0;
}

json::object peer_json(const PeerRow& peer, LinkState link, UnixTime now) {
  json::object out{{"peer_id", peer.id.to_string()},
                   {"nick", peer.nick},
                   {"vip", peer.vip.to_string()},
                   {"online", peer.online}};
  const auto path = peer.report ? peer.report->path : path::PathStatus{};
  const auto wireguard = peer.report ? peer.report->wireguard : wireguard::PeerStatus{};
  const bool reached = path.path == path::PathKind::direct || path.path == path::PathKind::relay;
  // Who isn't reached and isn't there either is offline; while the server is away nobody can say.
  const bool offline = !reached && !peer.online && link == LinkState::connected;
  out["state"] = path::name_of(path.state);
  out["path"] = offline ? path::name_of(path::PathKind::offline) : path::name_of(path.path);
  out["endpoint"] = path.endpoint ? json::value(path.endpoint->to_string()) : json::value(nullptr);
  out["relay"] = or_null(path.relay);
  out["why_relayed"] =
      path.why_relayed.empty() ? json::value(nullptr) : json::value(path.why_relayed);
  out["rtt_ms"] = ms_or_null(path.rtt);
  out["jitter_ms"] = ms_or_null(path.jitter);
  out["loss"] = reached ? json::value(path.loss) : json::value(nullptr);
  out["last_handshake_s"] =
      wireguard.latest_handshake
          ? json::value(std::chrono::duration<double>(now - *wireguard.latest_handshake).count())
          : json::value(nullptr);
  out["rx_bytes"] = wireguard.rx_bytes;
  out["tx_bytes"] = wireguard.tx_bytes;
  return out;
}

json::value portmap_json(const PartyRow& party) {
  if (!party.mapping) return nullptr;
  return json::object{
      {"method", portmap::name_of(party.mapping->method)},
      {"endpoint", party.mapped_endpoint ? json::value(party.mapped_endpoint->to_string())
                                         : json::value(nullptr)}};
}

json::object status_json(const PartyRow& party, UnixTime now) {
  json::array peers;
  for (const auto& peer : party.peers)
    peers.emplace_back(peer_json(peer, party.link, now));
  return {{"id", party.id.to_string()},
          {"name", party.name},
          {"host", party.host.to_string()},
          {"key_epoch", party.key_epoch},
          {"seq", party.seq},
          {"interface", party.interface},
          {"lan_interface", or_null(party.lan_interface)},
          {"server", {{"url", party.server_url}, {"state", name_of(party.link)}}},
          {"self",
           {{"nick", party.nick},
            {"vip", party.vip.to_string()},
            {"udp", or_null(party.udp)},
            {"note", note_of(party)}}},
          {"alerts", alerts_json(party.alerts)},
          {"portmap", portmap_json(party)},
          {"peers", std::move(peers)}};
}

}  // namespace lanrage::agent
