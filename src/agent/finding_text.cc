#include "agent/finding_text.hpp"

namespace lanrage::agent {

std::string_view code_of(trust::Topic topic) {
  switch (topic) {
    using enum trust::Topic;
    case server_behind:
      return "server_behind";
    case server_split:
      return "split_view";
    case server_record_refused:
      return "record_refused";
    case key_missing:
      return "party_key_missing";
    case member_split:
      return "split_view_between_members";
    case member_record_refused:
      return "member_record_refused";
  }
  return "unknown";
}

std::string sentence_of(const trust::Finding& finding, const std::string& nick) {
  const auto because = finding.detail.empty() ? "" : " (" + finding.detail + ")";
  switch (finding.topic) {
    using enum trust::Topic;
    case server_behind:
      return "the server has forgotten part of this party, as after a restored backup; members and "
             "tunnels stay as they are";
    case server_split:
      return "the server shows another history of this party than before; it isn't believed, and "
             "members and tunnels stay as they are";
    case server_record_refused:
      return "the server sent a change of this party that no member with the right to it signed" +
             because + "; it was refused";
    case key_missing:
      return "the party key was changed and the new one hasn't come yet; tunnels go on with the "
             "old "
             "one" +
             because;
    case member_split:
      return "the server shows " + nick +
             " another history of this party than us; the host can end it with `lanrage rotate`";
    case member_record_refused:
      return nick + " sent a change of this party that breaks its rules" + because +
             "; it was refused";
  }
  return {};
}

}  // namespace lanrage::agent
