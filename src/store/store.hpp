// Where a control server keeps what must survive it: parties as journals of events, tokens,
// relays, and a few secrets of its own. One interface, one contract suite for every backend.
#pragma once

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
  conflict,    // the party's seq moved: nothing was written
  nonce_used,  // a token was issued for this nonce already
  not_found,
  already_open,    // another process serves from this database
  database_newer,  // written by a newer version of the program
  database_corrupt,
  database_foreign,  // a SQLite file that isn't ours
  storage_failed,    // disk full, I/O error, permissions
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

struct StoredParty {
  PartyRow row;
  std::uint64_t seq = 0;
  std::vector<PeerRow> peers;  // by id
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

// Writes are asynchronous, durable before their completion is called, and applied in the order
// given. Reads answer at once from committed state: they are for start-up, as servers answer from
// memory. Destruction finishes every accepted write first; their completions may still arrive.
class Store {
 public:
  virtual ~Store() = default;

  virtual void append(Append append, Completion done) = 0;
  virtual void add_token(TokenRow token, Completion done) = 0;
  // From `at` on the token counts as expired; its row stays, and with it the nonce stays used.
  virtual void revoke_token(const ByteArray<32>& token_hash, UnixTime at, Completion done) = 0;
  virtual void remove_tokens_expired_before(UnixTime limit, Completion done) = 0;
  // Peers that are no longer there are skipped.
  virtual void touch(std::vector<Lease> leases, Completion done) = 0;
  virtual void put_relay(RelayRow relay, Completion done) = 0;

  virtual Result<std::vector<StoredParty>> parties() = 0;
  // In order, those with a greater seq.
  virtual Result<std::vector<EventRow>> events_since(const PartyId& party, std::uint64_t seq) = 0;
  virtual Result<std::vector<TokenRow>> tokens() = 0;
  virtual Result<std::vector<RelayRow>> relays() = 0;

  // A value that belongs to this store for good (its incarnation, secrets): the one stored, or
  // `initial` after storing it.
  virtual Result<Bytes> setting(std::string_view name, ByteView initial) = 0;
};

// `location` as on the command line: "sqlite:PATH".
Result<std::unique_ptr<Store>> open_store(std::string_view location, Executor executor);

}  // namespace lanrage::store
