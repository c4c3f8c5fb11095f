#include "agent/party_alerts.hpp"

#include <algorithm>
#include <utility>

namespace lanrage::agent {

std::string_view name_of(AlertCode code) {
  using enum AlertCode;
  switch (code) {
    case server_behind:
      return "server_behind";
    case split_view:
      return "split_view";
    case record_refused:
      return "record_refused";
    case party_key_missing:
      return "party_key_missing";
    case party_key_refused:
      return "party_key_refused";
    case server_ended_service:
      return "server_ended_service";
    case server_closed_party:
      return "server_closed_party";
    case false_peer:
      return "false_peer";
    case unsigned_removal:
      return "unsigned_removal";
    case false_charter:
      return "false_charter";
    case wrong_certificate:
      return "wrong_certificate";
    case members_split:
      return "members_split";
    case ended_invite_open:
      return "ended_invite_open";
    case server_forgot_party:
      return "server_forgot_party";
    case member_record_refused:
      return "member_record_refused";
  }
  return "unknown";
}

void PartyAlerts::raise(AlertCode code, std::string message) {
  const auto now = now_();
  const auto [at, added] = entries_.try_emplace(code, Entry{{code, {}, now}});
  auto& alert = at->second.alert;
  const bool news = added || alert.until || alert.message != message;
  if (alert.until && now - *alert.until >= kShownAfterwards) alert.since = now;
  alert.message = std::move(message);
  alert.until.reset();
  if (news) tell(at->second);
}

void PartyAlerts::clear(AlertCode code) {
  const auto found = entries_.find(code);
  if (found == entries_.end() || found->second.alert.until) return;
  found->second.alert.until = now_();
  tell(found->second);
}

void PartyAlerts::tell(Entry& entry) {
  const auto& alert = entry.alert;
  const std::string code(name_of(alert.code));
  if (alert.until) {
    if (std::exchange(entry.told, false))
      log_.info("alert_over", {{"party", party_}, {"code", code}});
    return;
  }
  const auto now = now_();
  if (entry.logged && std::chrono::abs(now - *entry.logged) < kLogSpacing) return;
  entry.logged = now;
  entry.told = true;
  log_.warning(code, {{"party", party_}, {"detail", alert.message}});
}

bool PartyAlerts::any_standing() const {
  return std::ranges::any_of(entries_, [](const auto& at) { return !at.second.alert.until; });
}

bool PartyAlerts::stands(AlertCode code) const {
  const auto found = entries_.find(code);
  return found != entries_.end() && !found->second.alert.until;
}

std::vector<Alert> PartyAlerts::shown() const {
  std::vector<Alert> out;
  for (const auto& [code, entry] : entries_)
    if (!entry.alert.until || now_() - *entry.alert.until < kShownAfterwards)
      out.push_back(entry.alert);
  return out;
}

}  // namespace lanrage::agent
