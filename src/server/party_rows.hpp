// What a party's events make of the store's tables.
#pragma once

#include <vector>

#include "party/party_state.hpp"
#include "store/store.hpp"

namespace lanrage::server {

// `before` is the party without the events. Errors only for events that don't fit the party.
Result<store::Append> rows_of(const party::Party& before, const std::vector<party::Event>& events,
                              std::uint64_t relay_group);

}  // namespace lanrage::server
