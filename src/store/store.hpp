// Where a control server keeps what must survive it: parties as journals of events, tokens,
// relays, and a few secrets of its own. One interface, one contract suite for every backend.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace lanrage::store {

enum class Errc {
  conflict,    // the party's seq moved (or a newer snapshot is there): nothing was written
  nonce_used,  // a token was issued for this nonce already
  not_found,
  already_open,    // another process serves from this database
  database_newer,  // written by a newer version of the program
  database_corrupt,
  database_foreign,  // a SQLite file that isn't ours
  storage_failed,    // disk full, I/O error, permissions: nothing was written, now or later
  outcome_unknown,   // the storage failed so that the write may be there after the next opening
  file_exists,       // a backup never replaces a file
  unsupported_store,
};

constexpr std::string_view name_of(Errc e) {
  switch (e) {
    case Errc::conflict:
      return "conflict";
    case Errc::nonce_used:
      return "nonce_used";
    case Errc::not_found:
      return "not_found";
    case Errc::already_open:
      return "already_open";
    case Errc::database_newer:
      return "database_newer";
    case Errc::database_corrupt:
      return "database_corrupt";
    case Errc::database_foreign:
      return "database_foreign";
    case Errc::storage_failed:
      return "storage_failed";
    case Errc::outcome_unknown:
      return "outcome_unknown";
    case Errc::file_exists:
      return "file_exists";
    case Errc::unsupported_store:
      return "unsupported_store";
  }
  return "unknown";
}

// One committed event: `body` is the party module's encoding, opaque here.
struct EventRow {
  std::uint64_t seq = 0;
  std::string type;
  Bytes body;
  UnixTime at;
  friend bool operator==(const EventRow&, const EventRow&) = default;
};

struct PartyRow {
  PartyId id;
  std::string name;
  PeerId host;
  std::uint64_t relay_group = 0;  // random; names the party to relays
  UnixTime created_at;
  friend bool operator==(const PartyRow&, const PartyRow&) = default;
};

struct PeerRow {
  PeerId id;
  ByteArray<32> wireguard_key{};
  IpAddress vip;
  std::string nick;
  std::string public_endpoint;  // empty: not told
  std::string nat_type;         // empty: not told
  UnixTime last_seen;
  friend bool operator==(const PeerRow&, const PeerRow&) = default;
};

// A party's whole state after event `seq`; `body` is the party module's encoding, opaque here.
struct SnapshotRow {
  std::uint64_t seq = 0;
  Bytes body;
  friend bool operator==(const SnapshotRow&, const SnapshotRow&) = default;
};

struct StoredParty {
  PartyRow row;
  std::uint64_t seq = 0;
  std::vector<PeerRow> peers;  // in the order of their ids' text
  std::optional<SnapshotRow> snapshot{};
  std::vector<EventRow> events{};  // those after the snapshot, in order, up to `seq`
};

struct TokenRow {
  ByteArray<32> token_hash{};  // SHA-256 of the token; the token itself is never stored
  ByteArray<32> nonce_hash{};  // of the challenge it answered; unique
  PeerId peer;
  UnixTime created_at;
  UnixTime expires_at;
  friend bool operator==(const TokenRow&, const TokenRow&) = default;
};

struct RelayRow {
  std::string id;
  IpAddress public_ip;
  std::uint16_t port = 0;
  std::string region;
  UnixTime registered_at;
  UnixTime last_seen;
  std::uint64_t capacity = 0;  // clients
  double load = 0;             // 0 to 1
  std::vector<Endpoint> endpoints{};
  std::vector<Endpoint> stun{};
  friend bool operator==(const RelayRow&, const RelayRow&) = default;
};

// A party's next events and what the tables say after them, written in one transaction.
struct Append {
  PartyRow party;
  std::uint64_t expected_seq = 0;  // 0: the party doesn't exist yet
  std::vector<EventRow> events;    // seq expected_seq + 1, + 2, ...
  std::vector<PeerRow> changed;    // inserted or replaced
  std::vector<PeerId> gone;
  bool closes = false;  // the party and its journal are removed
};

struct Lease {
  PartyId party;
  PeerId peer;
  UnixTime last_seen;
};

// Called on the executor given at opening, after the commit (or the failure) is durable.
using Completion = std::move_only_function<void(Result<void>)>;
// Runs a function on the thread that owns the caller's objects.
using Executor = std::function<void(std::move_only_function<void()>)>;

// Since the opening. `batches[i]` counts the commits that carried at most kBatchBounds[i] writes,
// and more than the bound before.
inline constexpr std::array<std::uint64_t, 7> kBatchBounds{1, 2, 4, 8, 16, 32, 64};
struct StoreCounters {
  std::uint64_t commits = 0;
  std::uint64_t works = 0;    // writes in these commits, refused ones too
  std::uint64_t largest = 0;  // writes in the largest of them
  std::array<std::uint64_t, kBatchBounds.size()> batches{};
  std::uint64_t failures = 0;          // commits that failed
  std::optional<std::string> failing;  // why the latest commit did
  std::uint64_t checkpoints = 0;       // of the write-ahead log
  std::uint64_t checkpoint_failures = 0;
  std::uint64_t wal_bytes = 0;  // the write-ahead log's size now
};

// Writes are asynchronous, durable before their completion is called, and applied in the order
// given. Reads answer at once from committed state: they are for start-up, as servers answer from
// memory. Destruction finishes every accepted write first; their completions may still arrive.
//
// A completion's error says that nothing was written, except outcome_unknown: this process and its
// later writes see the state without the write or with it, and an append with the same expected_seq
// tells which (it succeeds, or conflicts).
//
// Writes may be given from any thread, reads from one thread at a time.
class Store {
 public:
  using PartyVisitor = std::function<Result<void>(StoredParty)>;

  virtual ~Store() = default;

  virtual void append(Append append, Completion done) = 0;
  // Replaces the party's snapshot by its state after event `seq` and drops its events up to
  // `keep_events_after`, never beyond `seq`. not_found: the party is gone. conflict: the party
  // isn't at `seq` yet, or has a newer snapshot.
  virtual void put_snapshot(const PartyId& party, std::uint64_t seq, Bytes body,
                            std::uint64_t keep_events_after, Completion done) = 0;
  virtual void add_token(TokenRow token, Completion done) = 0;
  // From `at` on the token counts as expired; its row stays, and with it the nonce stays used.
  virtual void revoke_token(const ByteArray<32>& token_hash, UnixTime at, Completion done) = 0;
  virtual void remove_tokens_expired_before(UnixTime limit, Completion done) = 0;
  // Never moves a peer's last_seen back; peers that are no longer there are skipped. A large batch
  // is written in pieces, and writes given later may overtake it.
  virtual void touch(std::vector<Lease> leases, Completion done) = 0;
  virtual void put_relay(RelayRow relay, Completion done) = 0;
  virtual void remove_relay(std::string id, Completion done) = 0;  // absent: done already
  // A consistent copy in a new file `path` (mode 0600), made while writes go on, with an
  // incarnation of its own (whoever starts from it is not taken for this server) and kBackedUpAt.
  // file_exists: nothing was touched. After another failure no file is left.
  virtual void backup(std::string path, Completion done) = 0;

  // In the order of their ids' text, from one consistent state, one party in memory at a time. The
  // visitor's error ends it and is returned; it must not call the store.
  virtual Result<void> for_each_party(const PartyVisitor& visit) = 0;
  Result<std::vector<StoredParty>> parties();
  virtual Result<std::optional<StoredParty>> party(const PartyId& id) = 0;
  // In order, those with a greater seq that are still there.
  virtual Result<std::vector<EventRow>> events_since(const PartyId& party, std::uint64_t seq) = 0;
  virtual Result<std::vector<TokenRow>> tokens() = 0;
  virtual Result<std::vector<RelayRow>> relays() = 0;

  // A value that belongs to this store for good (its incarnation, secrets): the one stored, or
  // `initial` after storing it.
  virtual Result<Bytes> setting(std::string_view name, ByteView initial) = 0;

  // `changed` is called on the executor for each commit of another server process to a party.
  virtual void watch(std::function<void(const PartyId&)> changed) = 0;

  virtual StoreCounters counters() const = 0;  // from any thread
  // What the operator should read about the opening (a migration, and where the copy from before
  // it is); empty when there is nothing to say.
  virtual std::string notice() const = 0;
};

// The setting that backups renew; 16 bytes.
inline constexpr std::string_view kIncarnation = "incarnation";
// And the one that they set: the time at which the backup was made, u64 ms.
inline constexpr std::string_view kBackedUpAt = "backed_up_at";

// `location` as on the command line: "sqlite:PATH".
Result<std::unique_ptr<Store>> open_store(std::string_view location, Executor executor);

struct StoreReport {
  std::string file;
  std::int64_t schema = 0;
  std::int64_t newest_schema = 0;  // that this program knows
  std::uint64_t parties = 0;
  std::uint64_t peers = 0;
  std::uint64_t events = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t tokens = 0;
  std::uint64_t relays = 0;
  std::vector<std::string> problems;  // at most 20; empty: the database is whole
};

// Reads the whole database, also while a server uses it, and changes nothing. An error says that it
// couldn't be looked at (absent, not a database, another program's, newer); damage is a problem in
// the report.
Result<StoreReport> check_store(std::string_view location);

}  // namespace lanrage::store
