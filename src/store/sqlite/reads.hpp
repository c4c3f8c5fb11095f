// What each kind of read takes from the tables.
#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/database.hpp"
#include "store/store.hpp"

namespace lanrage::store {

// All that belongs to one party or (without an id) to every party, one after the other: one pass
// over each table, in one read transaction.
Result<void> read_parties(Database& db, const PartyId* only, const Store::PartyVisitor& visit);
Result<std::vector<EventRow>> read_events(Database& db, const PartyId& party, std::uint64_t since);
Result<std::vector<TokenRow>> read_tokens(Database& db);
Result<std::vector<RelayRow>> read_relays(Database& db);
Result<Bytes> read_or_write_setting(Database& db, std::string_view name, ByteView initial);

}  // namespace lanrage::store
