// The local API's commands for those who govern a party.
#include <boost/json/array.hpp>

#include "agent/api_arguments.hpp"
#include "agent/governance.hpp"
#include "agent/local_api.hpp"

namespace lanrage::agent {
namespace {

namespace json = boost::json;

template <class Ids>
json::array ids_json(const Ids& ids) {
  json::array out;
  for (const auto& id : ids)
    out.emplace_back(id.to_string());
  return out;
}

json::array members_json(const party::Ledger& ledger, const std::vector<PeerId>& peers) {
  json::array out;
  for (const auto& peer : peers) {
    const auto* member = ledger.member(peer);
    out.emplace_back(json::object{{"peer_id", peer.to_string()},
                                  {"nick", member == nullptr ? "" : member->nick}});
  }
  return out;
}

json::object rotated_json(const party::Ledger& ledger, const Governance::Rotated& rotated) {
  return {{"schema", 1},
          {"removed", ids_json(rotated.removed)},
          {"key_epoch", rotated.key_epoch},
          {"invites_dropped", ids_json(rotated.dropped)},
          {"confirmed", members_json(ledger, rotated.receipts.confirmed)},
          {"waiting", members_json(ledger, rotated.receipts.waiting)}};
}

}  // namespace

LocalApi::Answer LocalApi::kick(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  Arguments arguments(request);
  const auto name = arguments.text("peer");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  auto peer = (*session)->find_peer(name);
  if (!peer) co_return std::unexpected(peer.error());
  const std::string nick = (*session)->ledger().member(*peer)->nick;
  Governance governance(*session);
  auto kicked = co_await governance.kick(*peer);
  if (!kicked) co_return std::unexpected(kicked.error());
  auto out = rotated_json((*session)->ledger(), *kicked);
  out["nick"] = nick;
  co_return out;
}

}  // namespace lanrage::agent
