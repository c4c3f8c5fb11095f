// What the operator is shown, as JSON: on the admin socket and on the command line, which differ in
// how they write times.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "server/admin.hpp"

namespace lanrage::server {

template <class Time>
boost::json::object to_json(const AdminParty& party, Time time) {
  boost::json::array peers;
  peers.reserve(party.peers.size());
  for (const auto& peer : party.peers)
    peers.push_back(boost::json::object{{"peer_id", peer.id.to_string()},
                                        {"nick", peer.nick},
                                        {"vip", peer.vip.to_string()},
                                        {"online", peer.online},
                                        {"barred", peer.barred},
                                        {"last_seen", time(peer.last_seen)}});
  return {{"id", party.id.to_string()},     {"name", party.name},
          {"host", party.host.to_string()}, {"seq", party.seq},
          {"key_epoch", party.key_epoch},   {"created_at", time(party.created_at)},
          {"peers", std::move(peers)}};
}

template <class Time>
boost::json::object to_json(const AdminRelay& relay, Time time) {
  boost::json::array endpoints;
  endpoints.reserve(relay.endpoints.size());
  for (const auto& endpoint : relay.endpoints)
    endpoints.emplace_back(endpoint.to_string());
  return {{"id", relay.id},     {"region", relay.region},     {"endpoints", std::move(endpoints)},
          {"load", relay.load}, {"built_in", relay.built_in}, {"last_seen", time(relay.last_seen)}};
}

// All of them, in their order.
template <class T, class Time>
boost::json::array to_json(const std::vector<T>& all, Time time) {
  boost::json::array list;
  list.reserve(all.size());
  for (const auto& each : all)
    list.push_back(to_json(each, time));
  return list;
}

}  // namespace lanrage::server
