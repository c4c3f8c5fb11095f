// Which WireGuard session goes where, learned from handshakes that passed through, or told by the
// sender.
//
// A receiver index means something only together with who sends it: rows are keyed by (client,
// index). A client has some 48 live indexes, so two of its peers choose the same one about three
// times in ten million; the first keeps it, and WireGuard tries the other again in 5 s.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "relay/client_table.hpp"
#include "relay/flat_table.hpp"
#include "relay/limits.hpp"
#include "relay/pacer.hpp"

namespace lanrage::relay {

enum class Learned { yes, too_fast, collision, rows_full, pairs_full };

// What a table knew of one client, on the way to another table.
struct ClientSessions {
  struct Entry {
    std::uint32_t index = 0;
    ClientRef other;  // row: where it goes; pending: the initiator
    Instant expires;
  };
  // One that sends the client initiations.
  struct Pair {
    ClientRef source;
    ClientRef target;
    Pacer initiations;
    Instant last;
    Instant looked_at;                       // when its entry in the table's expiries is due
    std::array<std::uint32_t, 4> indexes{};  // of its pending initiations, oldest at `next`
    std::uint8_t next = 0;
    std::uint8_t used = 0;
  };
  std::vector<Entry> rows;
  std::vector<Entry> pending;
  std::vector<Pair> pairs;
};

class SessionTable {
 public:
  // Whether clients may move to another table and back, which costs memory to keep track.
  enum class Moves : bool { no, yes };
  SessionTable(const Limits& limits, std::uint64_t seed, Moves moves);

  struct Route {
    ClientRef target;
    Instant expires;
  };
  // To whom `source` sends with that receiver index.
  std::optional<Route> route(Instant now, ClientRef source, std::uint32_t index) const {
    const Row* row = rows_.find(key(source.slot, index));
    if (!row || row->owner != source.generation || row->expires <= now) return std::nullopt;
    return Route{row->target, row->expires};
  }

  // `source` sent `target` an initiation: its answer may come for 15 s.
  Learned initiation(Instant now, ClientRef source, ClientRef target, std::uint32_t sender_index);
  // Who waits for an answer from `responder` with that receiver index.
  std::optional<ClientRef> awaiting(Instant now, ClientRef responder, std::uint32_t index) const;
  // The answer came, and the way to the initiator holds: so does the one from it. Each row is in
  // the table of its sender's shard, so both are learned one after the other: may_tell() for the
  // responder, told() for the initiator, answered() for the responder.
  void answered(Instant now, ClientRef responder, ClientRef initiator,
                std::uint32_t initiator_index);

  // `source` says itself, or a handshake does, that its packets with this index are for `target`.
  Learned told(Instant now, ClientRef source, std::uint32_t index, ClientRef target);
  // Whether that would be learned.
  Learned may_tell(Instant now, ClientRef source, std::uint32_t index, ClientRef target);

  // To another table, and from one. What has been learned anew since is kept.
  ClientSessions take(ClientRef client);
  void put(ClientRef client, const ClientSessions& sessions);

  void expire(Instant now);
  std::size_t size() const { return rows_.size(); }
  std::size_t pending() const { return pending_.size(); }

 private:
  // `owner` is the generation of the client whose slot the key has.
  struct Row {
    ClientRef target;
    Instant expires;
    std::uint32_t owner = 0;
  };
  struct Pending {
    ClientRef initiator;
    Instant expires;
    std::uint32_t owner = 0;
  };
  using Pair = ClientSessions::Pair;
  struct Expiry {
    std::uint64_t key;
    Instant at;
  };
  struct RowCount {
    std::uint32_t owner = 0;
    std::uint32_t rows = 0;
  };
  struct Key {  // of one client's entry
    enum class Of : std::uint8_t { row, pending, pair } of = Of::row;
    std::uint32_t key = 0;  // index; a pair's: its source's slot
    friend bool operator==(const Key&, const Key&) = default;
  };

  static std::uint64_t key(std::uint32_t slot, std::uint32_t index) {
    return std::uint64_t{slot} << 32 | index;
  }
  // Of the client that has the slot now.
  std::uint32_t& rows_of(ClientRef client);
  std::vector<Key>& keys_of(ClientRef client);
  // Keeps track of a key, or no more. The client is the one whose slot the entry has.
  void track(ClientRef client, Key key);
  void untrack(ClientRef client, Key key);
  void put_row(ClientRef source, std::uint32_t index, ClientRef target, Instant expires);
  void put_pending(ClientRef responder, std::uint32_t index, ClientRef initiator, Instant expires);
  void put_pair(const Pair& pair, Instant look_at);
  void forget_expired_rows(Instant now, ClientRef source);
  void erase_row(std::uint64_t row_key);
  void erase_pending(std::uint64_t pending_key);
  void erase_pair(std::uint64_t pair_key);
  Pair* pair_of(Instant now, ClientRef source, ClientRef target);

  Limits limits_;
  Moves moves_;
  PacerRate pair_rate_;
  FlatTable<std::uint64_t, Row> rows_;
  FlatTable<std::uint64_t, Pending> pending_;
  FlatTable<std::uint64_t, Pair> pairs_;
  std::vector<RowCount> counts_;        // by slot
  std::vector<std::vector<Key>> keys_;  // by slot, of the owner above; none without moves
  // In order of their times, as all of a kind live equally long; what another table gave is late.
  std::deque<Expiry> row_expiries_;
  std::deque<Expiry> pending_expiries_;
  std::deque<Expiry> pair_expiries_;
};

}  // namespace lanrage::relay
