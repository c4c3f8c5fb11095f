// What a finding about a party's trust means, for a player.
#pragma once

#include <string>

#include "agent/party_alerts.hpp"
#include "trust/party_trust.hpp"

namespace lanrage::agent {

AlertCode alert_code(trust::Topic topic);
// One sentence without full stop: what happened, and what to do where something can be done.
// `nick`: of the member that it is about.
std::string sentence_of(const trust::Finding& finding, const std::string& nick);

}  // namespace lanrage::agent
