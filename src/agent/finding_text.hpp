// What a finding about a party's trust means, for a player.
#pragma once

#include <string>
#include <string_view>

#include "trust/party_trust.hpp"

namespace lanrage::agent {

// Stable, for logs and scripts.
std::string_view code_of(trust::Topic topic);
// One sentence without full stop: what happened, and what to do where something can be done.
// `nick`: of the member that it is about.
std::string sentence_of(const trust::Finding& finding, const std::string& nick);

}  // namespace lanrage::agent
