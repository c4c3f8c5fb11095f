// What each kind of write does to the tables, inside the transaction of whoever calls.
#pragma once

#include <span>
#include <string>

#include "base/result.hpp"
#include "store/sqlite/database.hpp"
#include "store/store.hpp"

namespace lanrage::store {

Result<void> write_append(Database& db, const Append& append);
Result<void> write_snapshot(Database& db, const PartyId& party, const SnapshotRow& snapshot,
                            std::uint64_t keep_events_after);
Result<void> write_token(Database& db, const TokenRow& token);
Result<void> revoke_token(Database& db, const ByteArray<32>& token_hash, UnixTime at);
Result<void> remove_tokens_expired_before(Database& db, UnixTime limit);
Result<void> write_leases(Database& db, std::span<const Lease> leases);
Result<void> write_relay(Database& db, const RelayRow& relay);
Result<void> remove_relay(Database& db, const std::string& id);

}  // namespace lanrage::store
