// What a party's trust means for a player.
#pragma once

#include <optional>
#include <string>

#include "agent/party_alerts.hpp"
#include "trust/party_trust.hpp"

namespace lanrage::agent {

AlertCode alert_code(trust::Topic topic);
// One sentence without full stop: what happened, and what to do where something can be done.
// `nick`: of the member that it is about.
std::string sentence_of(const trust::Finding& finding, const std::string& nick);

// Likewise of an agent that hasn't heard since its start who is in the party
// (PartyTrust::confirmed), or that the members can't tell anything: `no_channel` says why. Nothing
// where neither is so.
std::optional<std::string> waiting_sentence(bool confirmed,
                                            const std::optional<std::string>& no_channel);

}  // namespace lanrage::agent
