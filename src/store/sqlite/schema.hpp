// The database's tables, as numbered steps forward. Step N takes version N-1 to N; a step that was
// released is never edited.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "store/sqlite/database.hpp"

namespace lanrage::store {

inline constexpr std::int64_t kApplicationId = 0x4c4e5247;  // "LNRG", PRAGMA application_id

// Times are milliseconds since 1970 UTC; ids are their text form.
inline constexpr std::array kMigrations = {
    // 1
    R"sql(
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE parties (
  party_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  host_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  relay_group INTEGER NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The key's prefix is the index for "peers of a party".
CREATE TABLE peers (
  party_id TEXT NOT NULL REFERENCES parties (party_id) ON DELETE CASCADE,
  peer_id TEXT NOT NULL,
  public_key BLOB NOT NULL,
  virtual_ip TEXT NOT NULL,
  nick TEXT NOT NULL,
  public_endpoint TEXT NOT NULL,
  nat_type TEXT NOT NULL,
  last_seen INTEGER NOT NULL,
  PRIMARY KEY (party_id, peer_id),
  UNIQUE (party_id, virtual_ip),
  UNIQUE (party_id, public_key)
) WITHOUT ROWID;

CREATE TABLE party_events (
  party_id TEXT NOT NULL REFERENCES parties (party_id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  type TEXT NOT NULL,
  body BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (party_id, seq)
) WITHOUT ROWID;

CREATE TABLE relay_servers (
  relay_id TEXT PRIMARY KEY,
  public_ip TEXT NOT NULL,
  port INTEGER NOT NULL,
  region TEXT NOT NULL,
  registered_at INTEGER NOT NULL,
  last_seen INTEGER NOT NULL
) WITHOUT ROWID;

-- token is the SHA-256 of the token.
CREATE TABLE auth_tokens (
  token BLOB PRIMARY KEY,
  nonce BLOB NOT NULL UNIQUE,
  peer_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idx_tokens_expires_at ON auth_tokens (expires_at);
)sql",
    // 2
    R"sql(
-- With a rowid: its rows are large.
CREATE TABLE party_snapshots (
  party_id TEXT PRIMARY KEY NOT NULL REFERENCES parties (party_id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  body BLOB NOT NULL
);

-- endpoints and stun: ADDRESS:PORT, separated by spaces.
ALTER TABLE relay_servers ADD COLUMN capacity INTEGER NOT NULL DEFAULT 0;
ALTER TABLE relay_servers ADD COLUMN load REAL NOT NULL DEFAULT 0;
ALTER TABLE relay_servers ADD COLUMN endpoints TEXT NOT NULL DEFAULT '';
ALTER TABLE relay_servers ADD COLUMN stun TEXT NOT NULL DEFAULT '';
)sql",
};
inline constexpr auto kNewestSchema = static_cast<std::int64_t>(kMigrations.size());

// database_corrupt when SQLite finds damage. Reads the whole file.
Result<void> check_whole(Database& database, const std::string& path);
// The schema's number; 0: a database without anything in it. Refuses other programs' and newer
// ones.
Result<std::int64_t> check_schema(Database& database, const std::string& path);
// Takes the steps from `version` on, each in a transaction of its own.
Result<void> migrate(Database& database, std::int64_t version);

}  // namespace lanrage::store
