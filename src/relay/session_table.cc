#include "relay/session_table.hpp"

#include <algorithm>
#include <utility>

namespace lanrage::relay {
namespace {

// Long enough that a pair's bucket is full again before it is forgotten.
constexpr Duration kPairLifetime = std::chrono::seconds(60);

}  // namespace

SessionTable::SessionTable(const Limits& limits, std::uint64_t seed, Moves moves)
    : limits_(limits),
      moves_(moves),
      pair_rate_(limits.initiations_a_pair),
      rows_(seed),
      pending_(seed),
      pairs_(seed) {}

std::uint32_t& SessionTable::rows_of(ClientRef client) {
  if (counts_.size() <= client.slot) counts_.resize(client.slot + 1);
  RowCount& count = counts_[client.slot];
  if (count.owner != client.generation) {
    count = {client.generation, 0};
    if (client.slot < keys_.size()) keys_[client.slot].clear();
  }
  return count.rows;
}

std::vector<SessionTable::Key>& SessionTable::keys_of(ClientRef client) {
  rows_of(client);
  if (keys_.size() <= client.slot) keys_.resize(client.slot + 1);
  return keys_[client.slot];
}

void SessionTable::track(ClientRef client, Key key) {
  if (moves_ == Moves::yes) keys_of(client).push_back(key);
}

void SessionTable::untrack(ClientRef client, Key key) {
  if (moves_ == Moves::yes && counts_[client.slot].owner == client.generation)
    std::erase(keys_[client.slot], key);
}

SessionTable::Pair* SessionTable::pair_of(Instant now, ClientRef source, ClientRef target) {
  const Pair* pair = pairs_.find(key(source.slot, target.slot));
  const bool theirs = pair && pair->source == source && pair->target == target;
  if (!pair && pairs_.size() >= limits_.pairs) return nullptr;
  if (!theirs)  // the first, or an earlier tenant's
    put_pair({.source = source, .target = target, .initiations = {}, .last = now, .looked_at = {}},
             now + kPairLifetime);
  return pairs_.find(key(source.slot, target.slot));
}

void SessionTable::put_pair(const Pair& pair, Instant look_at) {
  const std::uint64_t pair_key = key(pair.source.slot, pair.target.slot);
  const Pair* before = pairs_.find(pair_key);
  if (!before || before->target != pair.target)
    track(pair.target, {Key::Of::pair, pair.source.slot});
  Pair put = pair;
  put.looked_at = look_at;
  pairs_.put(pair_key, put);
  pair_expiries_.push_back({pair_key, look_at});
}

Learned SessionTable::initiation(Instant now, ClientRef source, ClientRef target,
                                 std::uint32_t sender_index) {
  Pair* pair = pair_of(now, source, target);
  if (!pair) return Learned::pairs_full;
  if (!pair->initiations.take(now, 1, pair_rate_)) return Learned::too_fast;
  pair->last = now;

  std::uint64_t pending_key = key(target.slot, sender_index);
  if (const Pending* other = pending_.find(pending_key);
      other && other->owner == target.generation && other->expires > now) {
    if (other->initiator != source) return Learned::collision;
  } else {
    std::size_t limit = std::min(limits_.pending_a_pair, pair->indexes.size());
    if (pair->used == limit) {  // the oldest makes room
      std::uint64_t oldest = key(target.slot, pair->indexes[pair->next]);
      const Pending* entry = pending_.find(oldest);
      if (entry && entry->initiator == source) erase_pending(oldest);
    } else {
      ++pair->used;
    }
    pair->indexes[pair->next] = sender_index;
    pair->next = static_cast<std::uint8_t>((pair->next + 1) % limit);
  }
  put_pending(target, sender_index, source, now + limits_.pending_lifetime);
  return Learned::yes;
}

std::optional<ClientRef> SessionTable::awaiting(Instant now, ClientRef responder,
                                                std::uint32_t index) const {
  const Pending* entry = pending_.find(key(responder.slot, index));
  if (!entry || entry->owner != responder.generation || entry->expires <= now) return std::nullopt;
  return entry->initiator;
}

void SessionTable::answered(Instant now, ClientRef responder, ClientRef initiator,
                            std::uint32_t initiator_index) {
  if (told(now, responder, initiator_index, initiator) == Learned::yes)
    erase_pending(key(responder.slot, initiator_index));
}

Learned SessionTable::told(Instant now, ClientRef source, std::uint32_t index, ClientRef target) {
  const Learned verdict = may_tell(now, source, index, target);
  if (verdict == Learned::yes) put_row(source, index, target, now + limits_.session_lifetime);
  return verdict;
}

Learned SessionTable::may_tell(Instant now, ClientRef source, std::uint32_t index,
                               ClientRef target) {
  const Row* row = rows_.find(key(source.slot, index));
  bool own = row && row->owner == source.generation;
  if (own && row->expires > now && row->target != target) return Learned::collision;
  if (own || rows_of(source) < limits_.rows_a_client) return Learned::yes;
  expire(now);
  if (moves_ == Moves::yes) forget_expired_rows(now, source);
  return rows_of(source) < limits_.rows_a_client ? Learned::yes : Learned::rows_full;
}

void SessionTable::forget_expired_rows(Instant now, ClientRef source) {
  const auto keys = keys_of(source);
  for (const Key& each : keys)
    if (each.of == Key::Of::row && rows_.find(key(source.slot, each.key))->expires <= now)
      erase_row(key(source.slot, each.key));
}

void SessionTable::put_row(ClientRef source, std::uint32_t index, ClientRef target,
                           Instant expires) {
  std::uint64_t row_key = key(source.slot, index);
  const Row* row = rows_.find(row_key);
  if (!row || row->owner != source.generation) {
    ++rows_of(source);
    track(source, {Key::Of::row, index});
  }
  rows_.put(row_key, {target, expires, source.generation});
  row_expiries_.push_back({row_key, expires});
}

void SessionTable::put_pending(ClientRef responder, std::uint32_t index, ClientRef initiator,
                               Instant expires) {
  std::uint64_t pending_key = key(responder.slot, index);
  const Pending* entry = pending_.find(pending_key);
  if (!entry || entry->owner != responder.generation) track(responder, {Key::Of::pending, index});
  pending_.put(pending_key, {initiator, expires, responder.generation});
  pending_expiries_.push_back({pending_key, expires});
}

void SessionTable::erase_row(std::uint64_t row_key) {
  const Row* row = rows_.find(row_key);
  if (!row) return;
  const ClientRef client{static_cast<std::uint32_t>(row_key >> 32), row->owner};
  if (counts_[client.slot].owner == client.generation) --counts_[client.slot].rows;
  untrack(client, {Key::Of::row, static_cast<std::uint32_t>(row_key)});
  rows_.erase(row_key);
}

void SessionTable::erase_pending(std::uint64_t pending_key) {
  const Pending* entry = pending_.find(pending_key);
  if (!entry) return;
  untrack({static_cast<std::uint32_t>(pending_key >> 32), entry->owner},
          {Key::Of::pending, static_cast<std::uint32_t>(pending_key)});
  pending_.erase(pending_key);
}

void SessionTable::erase_pair(std::uint64_t pair_key) {
  const Pair* pair = pairs_.find(pair_key);
  if (!pair) return;
  untrack(pair->target, {Key::Of::pair, pair->source.slot});
  pairs_.erase(pair_key);
}

ClientSessions SessionTable::take(ClientRef client) {
  ClientSessions out;
  for (const Key& each : std::exchange(keys_of(client), {})) {
    const std::uint64_t entry_key = key(client.slot, each.key);
    switch (each.of) {
      case Key::Of::row: {
        const Row* row = rows_.find(entry_key);
        out.rows.push_back({each.key, row->target, row->expires});
        rows_.erase(entry_key);
        break;
      }
      case Key::Of::pending: {
        const Pending* entry = pending_.find(entry_key);
        out.pending.push_back({each.key, entry->initiator, entry->expires});
        pending_.erase(entry_key);
        break;
      }
      case Key::Of::pair:
        out.pairs.push_back(*pairs_.find(key(each.key, client.slot)));
        pairs_.erase(key(each.key, client.slot));
        break;
    }
  }
  rows_of(client) = 0;
  return out;
}

void SessionTable::put(ClientRef client, const ClientSessions& sessions) {
  for (const auto& entry : sessions.rows) {
    const Row* row = rows_.find(key(client.slot, entry.index));
    if (row && row->owner == client.generation && row->expires >= entry.expires) continue;
    put_row(client, entry.index, entry.other, entry.expires);
  }
  for (const auto& entry : sessions.pending) {
    const Pending* other = pending_.find(key(client.slot, entry.index));
    if (other && other->owner == client.generation && other->expires >= entry.expires) continue;
    put_pending(client, entry.index, entry.other, entry.expires);
  }
  for (const auto& pair : sessions.pairs)
    if (!pairs_.find(key(pair.source.slot, client.slot))) put_pair(pair, pair.last + kPairLifetime);
}

void SessionTable::expire(Instant now) {
  while (!row_expiries_.empty() && row_expiries_.front().at <= now) {
    auto [row_key, at] = row_expiries_.front();
    row_expiries_.pop_front();
    const Row* row = rows_.find(row_key);
    if (!row || row->expires != at) continue;  // renewed since
    erase_row(row_key);
  }
  while (!pending_expiries_.empty() && pending_expiries_.front().at <= now) {
    auto [pending_key, at] = pending_expiries_.front();
    pending_expiries_.pop_front();
    const Pending* entry = pending_.find(pending_key);
    if (entry && entry->expires == at) erase_pending(pending_key);
  }
  while (!pair_expiries_.empty() && pair_expiries_.front().at <= now) {
    const auto [pair_key, at] = pair_expiries_.front();
    pair_expiries_.pop_front();
    Pair* pair = pairs_.find(pair_key);
    if (!pair || pair->looked_at != at) continue;  // begun anew since
    if (now - pair->last >= kPairLifetime) {
      erase_pair(pair_key);
    } else {
      pair->looked_at = now + kPairLifetime;
      pair_expiries_.push_back({pair_key, pair->looked_at});
    }
  }
}

}  // namespace lanrage::relay
