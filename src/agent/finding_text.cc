#include "agent/finding_text.hpp"

namespace lanrage::agent {

AlertCode alert_code(trust::Topic topic) {
  switch (topic) {
    using enum trust::Topic;
    case server_behind:
      return AlertCode::server_behind;
    case server_split:
      return AlertCode::split_view;
    case server_record_refused:
      return AlertCode::record_refused;
    case key_missing:
      return AlertCode::party_key_missing;
    case key_refused:
      return AlertCode::party_key_refused;
    case member_split:
      return AlertCode::members_split;
    case member_record_refused:
      break;
  }
  return AlertCode::member_record_refused;
}

std::string sentence_of(const trust::Finding& finding, const std::string& nick) {
  switch (finding.topic) {
    using enum trust::Topic;
    case server_behind:
      return "the server shows fewer of the party's records than it did before: it went back to an "
             "old backup, or hides some; here all of them stay in force";
    case server_split:
      return "the server shows another history of the party than it did before: this device keeps "
             "the one that it verified, and lets in nobody by the other";
    case server_record_refused:
      return "the server brought a record that breaks the party's rules, and it was refused (" +
             finding.detail + ")";
    case key_missing:
      return "the server has no box with the party's new key for this device: tunnels go on with "
             "the key before it until a member hands it over";
    case key_refused:
      return "the server's box for this device doesn't hold the party's key: it was refused, and "
             "tunnels go on with the key before it";
    case member_split:
      return nick +
             " has another history of the party than this device: the server shows them different "
             "things, or " +
             nick +
             " made it; the host can end that with `lanrage rotate`, and until then each side lets "
             "in only those whom it knows of";
    case member_record_refused:
      break;
  }
  return nick + " handed over a record that breaks the party's rules, and it was refused (" +
         finding.detail + ")";
}

std::optional<std::string> waiting_sentence(bool confirmed,
                                            const std::optional<std::string>& no_channel) {
  const auto waiting = [](const std::string& whom) {
    return "games and pings wait until this device has heard from " + whom +
           " who is in the party now, for it was away and somebody may have been removed meanwhile";
  };
  if (!no_channel)
    return confirmed ? std::nullopt : std::optional(waiting("the server or another member"));
  const auto remedy = "the other members can't tell this device what the server keeps from it (" +
                      *no_channel +
                      "): allow IPv6 (sysctl net.ipv6.conf.all.disable_ipv6=0), then restart the "
                      "agent";
  return confirmed ? remedy : waiting("the server") + "; " + remedy;
}

}  // namespace lanrage::agent
