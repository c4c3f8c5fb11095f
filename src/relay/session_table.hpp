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

class SessionTable {
 public:
  SessionTable(const Limits& limits, std::uint64_t seed);

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
  // The answer came: the session exists, both ways.
  Learned response(Instant now, ClientRef responder, std::uint32_t responder_index,
                   ClientRef initiator, std::uint32_t initiator_index);

  // `source` says itself that its packets with this index are for `target`.
  Learned told(Instant now, ClientRef source, std::uint32_t index, ClientRef target);

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
  struct Pair {
    ClientRef source;
    ClientRef target;
    Pacer initiations;
    Instant last;
    std::array<std::uint32_t, 4> indexes{};  // of its pending initiations, oldest at `next`
    std::uint8_t next = 0;
    std::uint8_t used = 0;
  };
  struct Expiry {
    std::uint64_t key;
    Instant at;
  };
  struct RowCount {
    std::uint32_t owner = 0;
    std::uint32_t rows = 0;
  };

  static std::uint64_t key(std::uint32_t slot, std::uint32_t index) {
    return std::uint64_t{slot} << 32 | index;
  }
  std::uint32_t& rows_of(ClientRef client);
  Learned may_put_row(Instant now, ClientRef source, std::uint32_t index, ClientRef target);
  void put_row(Instant now, ClientRef source, std::uint32_t index, ClientRef target);
  Pair* pair_of(Instant now, ClientRef source, ClientRef target);

  Limits limits_;
  PacerRate pair_rate_;
  FlatTable<std::uint64_t, Row> rows_;
  FlatTable<std::uint64_t, Pending> pending_;
  FlatTable<std::uint64_t, Pair> pairs_;
  std::vector<RowCount> counts_;  // by slot
  // In order of their times, as all of a kind live equally long.
  std::deque<Expiry> row_expiries_;
  std::deque<Expiry> pending_expiries_;
  std::deque<Expiry> pair_expiries_;
};

}  // namespace lanrage::relay
