// The local API's commands for those who govern a party.
#include <algorithm>
#include <boost/json/array.hpp>

#include "agent/api_arguments.hpp"
#include "agent/governance.hpp"
#include "agent/json_secret.hpp"
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

json::object member_json(const party::Ledger& ledger, const PeerId& peer) {
  const auto* member = ledger.member(peer);
  return {{"peer_id", peer.to_string()}, {"nick", member == nullptr ? "" : member->nick}};
}

template <class Peers>
json::array members_json(const party::Ledger& ledger, const Peers& peers) {
  json::array out;
  for (const auto& peer : peers)
    out.emplace_back(member_json(ledger, peer));
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

json::object deputies_json(const party::Ledger& ledger, const PeerId& peer,
                           const std::set<PeerId>& deputies) {
  json::object out{{"schema", 1}};
  const auto member = member_json(ledger, peer);
  out.insert(member.begin(), member.end());
  out["host"] = ledger.host_id().to_string();
  out["deputies"] = members_json(ledger, deputies);
  return out;
}

json::object invite_json(const party::Ledger& ledger, const party::InviteState& invite,
                         UnixTime now) {
  const auto state = invite.used_up() ? "used_up" : invite.expired(now) ? "expired" : "open";
  return {{"id", invite.id.to_string()},
          {"made_by", member_json(ledger, invite.issuer)},
          {"uses", invite.terms.uses},
          {"used", invite.used()},
          {"expires_at", protocol::format_time(invite.terms.not_after)},
          {"state", state}};
}

// By its id, or by the link itself: whoever sees it in a chat has that.
std::optional<InviteId> invite_named(std::string_view text, const PartyId& party) {
  if (auto id = InviteId::parse(text)) return id;
  const auto link = party::parse_invite_link(text);
  if (!link || link->party != party) return std::nullopt;
  return party::invite_keys(link->secret, party).id();
}

}  // namespace

LocalApi::Answer LocalApi::invite(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  Arguments arguments(request);
  party::InviteOptions options;
  options.lifetime = std::chrono::seconds(arguments.number(
      "expires_s", 86400, 60, std::chrono::seconds(party::kMaxInviteLifetime).count()));
  options.uses = static_cast<std::uint16_t>(
      arguments.number("uses", party::kDefaultInviteUses, 1, party::kMaxMembers));
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  Governance governance(*session);
  auto invite = co_await governance.invite(options);
  if (!invite) co_return std::unexpected(invite.error());
  json::object out({{"schema", 1}, {"id", invite->id.to_string()}}, wiped_storage());
  out["invite"] = json::string_view(invite_text((*session)->saved(), invite->secret));
  co_return out;
}

LocalApi::Answer LocalApi::invite_list(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  const auto& ledger = (*session)->ledger();
  std::vector<const party::InviteState*> invites;
  for (const auto& [id, invite] : ledger.invites())
    invites.push_back(&invite);
  std::ranges::sort(invites, {},
                    [](const auto* it) { return std::pair(it->terms.not_after, it->id); });
  json::array rows;
  for (const auto* invite : invites)
    rows.emplace_back(invite_json(ledger, *invite, (*session)->control()->server_time()));
  co_return json::object{{"schema", 1}, {"invites", std::move(rows)}};
}

LocalApi::Answer LocalApi::invite_revoke(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  Arguments arguments(request);
  const auto id = invite_named(arguments.secret("id"), (*session)->id());
  if (!id) arguments.refuse("id", "must be an invite's id, as `lanrage invite list` shows it");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  Governance governance(*session);
  auto revoked = co_await governance.revoke(*id);
  if (!revoked) co_return std::unexpected(revoked.error());
  auto out = rotated_json((*session)->ledger(), *revoked);
  out["revoked"] = id->to_string();
  co_return out;
}

LocalApi::Answer LocalApi::kick(const json::object& request) {
  const auto target = target_of(request);
  if (!target) co_return std::unexpected(target.error());
  const std::string nick = target->session->ledger().member(target->peer)->nick;
  Governance governance(target->session);
  auto kicked = co_await governance.kick(target->peer);
  if (!kicked) co_return std::unexpected(kicked.error());
  auto out = rotated_json(target->session->ledger(), *kicked);
  out["nick"] = nick;
  co_return out;
}

LocalApi::Answer LocalApi::promote(const json::object& request) {
  const auto target = target_of(request);
  if (!target) co_return std::unexpected(target.error());
  Governance governance(target->session);
  if (Arguments(request).flag("host")) {
    auto handed = co_await governance.hand_over(target->peer);
    if (!handed) co_return std::unexpected(handed.error());
    auto out = deputies_json(target->session->ledger(), target->peer, handed->deputies);
    out["forgotten"] = handed->forgotten;
    co_return out;
  }
  auto deputies = co_await governance.promote(target->peer);
  if (!deputies) co_return std::unexpected(deputies.error());
  co_return deputies_json(target->session->ledger(), target->peer, *deputies);
}

LocalApi::Answer LocalApi::demote(const json::object& request) {
  const auto target = target_of(request);
  if (!target) co_return std::unexpected(target.error());
  Governance governance(target->session);
  auto deputies = co_await governance.demote(target->peer);
  if (!deputies) co_return std::unexpected(deputies.error());
  co_return deputies_json(target->session->ledger(), target->peer, *deputies);
}

LocalApi::Answer LocalApi::rotate(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  Governance governance(*session);
  auto rotated = co_await governance.rotate();
  if (!rotated) co_return std::unexpected(rotated.error());
  co_return rotated_json((*session)->ledger(), *rotated);
}

}  // namespace lanrage::agent
