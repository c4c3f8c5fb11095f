// Which boxes with the party key a command brings. What is in them nobody but their recipients can
// tell.
#pragma once

#include <vector>

#include "party/party_key.hpp"
#include "party/records.hpp"

namespace lanrage::party {

Result<void> check_box(const SealedBox& box);
// One box for each member and each invite of the roster, no others.
Result<void> check_boxes(const Roster& roster, const std::vector<SealedBox>& boxes);

}  // namespace lanrage::party
