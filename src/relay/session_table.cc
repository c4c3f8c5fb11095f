#include "relay/session_table.hpp"

namespace lanrage::relay {
namespace {

// Long enough that a pair's bucket is full again before it is forgotten.
constexpr Duration kPairLifetime = std::chrono::seconds(60);

}  // namespace

SessionTable::SessionTable(const Limits& limits, std::uint64_t seed)
    : limits_(limits),
      pair_rate_(limits.initiations_a_pair),
      rows_(seed),
      pending_(seed),
      pairs_(seed) {}

std::uint32_t& SessionTable::rows_of(ClientRef client) {
  if (counts_.size() <= client.slot) counts_.resize(client.slot + 1);
  RowCount& count = counts_[client.slot];
  if (count.owner != client.generation) count = {client.generation, 0};
  return count.rows;
}

SessionTable::Pair* SessionTable::pair_of(Instant now, ClientRef source, ClientRef target) {
  std::uint64_t pair_key = key(source.slot, target.slot);
  Pair* pair = pairs_.find(pair_key);
  if (!pair) {
    if (pairs_.size() >= limits_.pairs) return nullptr;
    pairs_.put(pair_key, {.source = source, .target = target, .initiations = {}, .last = now});
    pair_expiries_.push_back({pair_key, now + kPairLifetime});
    return pairs_.find(pair_key);
  }
  if (pair->source != source || pair->target != target) {  // an earlier tenant's
    *pair = {.source = source, .target = target, .initiations = {}, .last = now};
  }
  return pair;
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
      if (entry && entry->initiator == source) pending_.erase(oldest);
    } else {
      ++pair->used;
    }
    pair->indexes[pair->next] = sender_index;
    pair->next = static_cast<std::uint8_t>((pair->next + 1) % limit);
  }
  Instant expires = now + limits_.pending_lifetime;
  pending_.put(pending_key, {source, expires, target.generation});
  pending_expiries_.push_back({pending_key, expires});
  return Learned::yes;
}

std::optional<ClientRef> SessionTable::awaiting(Instant now, ClientRef responder,
                                                std::uint32_t index) const {
  const Pending* entry = pending_.find(key(responder.slot, index));
  if (!entry || entry->owner != responder.generation || entry->expires <= now) return std::nullopt;
  return entry->initiator;
}

Learned SessionTable::response(Instant now, ClientRef responder, std::uint32_t responder_index,
                               ClientRef initiator, std::uint32_t initiator_index) {
  // Both or neither: half a session would only time out.
  for (Learned verdict : {may_put_row(now, responder, initiator_index, initiator),
                          may_put_row(now, initiator, responder_index, responder)}) {
    if (verdict != Learned::yes) return verdict;
  }
  put_row(now, responder, initiator_index, initiator);
  put_row(now, initiator, responder_index, responder);
  pending_.erase(key(responder.slot, initiator_index));
  return Learned::yes;
}

Learned SessionTable::told(Instant now, ClientRef source, std::uint32_t index, ClientRef target) {
  const Learned verdict = may_put_row(now, source, index, target);
  if (verdict == Learned::yes) put_row(now, source, index, target);
  return verdict;
}

Learned SessionTable::may_put_row(Instant now, ClientRef source, std::uint32_t index,
                                  ClientRef target) {
  const Row* row = rows_.find(key(source.slot, index));
  bool own = row && row->owner == source.generation;
  if (own && row->expires > now && row->target != target) return Learned::collision;
  if (!own && rows_of(source) >= limits_.rows_a_client) return Learned::rows_full;
  return Learned::yes;
}

void SessionTable::put_row(Instant now, ClientRef source, std::uint32_t index, ClientRef target) {
  std::uint64_t row_key = key(source.slot, index);
  const Row* row = rows_.find(row_key);
  if (!row || row->owner != source.generation) ++rows_of(source);
  Instant expires = now + limits_.session_lifetime;
  rows_.put(row_key, {target, expires, source.generation});
  row_expiries_.push_back({row_key, expires});
}

void SessionTable::expire(Instant now) {
  while (!row_expiries_.empty() && row_expiries_.front().at <= now) {
    auto [row_key, at] = row_expiries_.front();
    row_expiries_.pop_front();
    const Row* row = rows_.find(row_key);
    if (!row || row->expires != at) continue;  // renewed since
    auto slot = static_cast<std::uint32_t>(row_key >> 32);
    if (counts_[slot].owner == row->owner) --counts_[slot].rows;
    rows_.erase(row_key);
  }
  while (!pending_expiries_.empty() && pending_expiries_.front().at <= now) {
    auto [pending_key, at] = pending_expiries_.front();
    pending_expiries_.pop_front();
    const Pending* entry = pending_.find(pending_key);
    if (entry && entry->expires == at) pending_.erase(pending_key);
  }
  while (!pair_expiries_.empty() && pair_expiries_.front().at <= now) {
    std::uint64_t pair_key = pair_expiries_.front().key;
    pair_expiries_.pop_front();
    if (now - pairs_.find(pair_key)->last >= kPairLifetime) {
      pairs_.erase(pair_key);
    } else {
      pair_expiries_.push_back({pair_key, now + kPairLifetime});
    }
  }
}

}  // namespace lanrage::relay
