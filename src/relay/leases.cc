#include "relay/leases.hpp"

#include <algorithm>

namespace lanrage::relay {

Traffic Leases::wanted(Instant now, ClientRef source, std::uint32_t index, std::size_t size) const {
  const State* state = states_.find(key(source.slot, index));
  if (!state || state->source != source || now >= state->until + kTime) return {};
  const bool used_up = now < state->until;
  std::uint64_t bytes = 0;
  if (state->bytes != 0) {
    bytes = std::clamp(used_up ? state->bytes * 2 : state->bytes - state->bytes / 4, kLeast, kMost);
  } else if (used_up) {
    bytes = kLeast;
  }
  const std::uint64_t each = packet_size(state, size);
  return {bytes, (bytes + each - 1) / each};
}

std::uint64_t Leases::packet_size(const State* before, std::size_t size) {
  if (!before) return size;
  const std::uint64_t old = before->packet_size;  // moves a quarter of the way
  return old < size ? old + (size - old + 3) / 4 : old - (old - size + 3) / 4;
}

void Leases::note(Instant now, ClientRef source, ClientRef target, const Endpoint& from,
                  std::uint32_t index, std::size_t size, std::uint64_t bytes) {
  const std::uint64_t its_key = key(source.slot, index);
  State* state = states_.find(its_key);
  const bool same = state && state->source == source && state->target == target;
  State next{.source = source,
             .target = target,
             .from = from,
             .bytes = bytes,
             .leased = bytes != 0 || (same && state->leased),
             .packet_size = packet_size(same ? state : nullptr, size),
             .until = now + kTime,
             .looked_at = now + 2 * kTime};
  if (state) next.looked_at = state->looked_at;
  if (same) {
    *state = next;
    return;
  }
  if (state) {  // an earlier tenant's, or toward another: no lease of it is left
    std::erase(keys_of(state->source.slot), its_key);
    std::erase(keys_of(state->target.slot), its_key);
  } else {
    expiries_.push_back({its_key, next.looked_at});
  }
  states_.put(its_key, next);
  keys_of(source.slot).push_back(its_key);
  keys_of(target.slot).push_back(its_key);
}

void Leases::revoke(std::uint32_t slot, FastPath& path) {
  if (slot >= keys_.size()) return;
  const auto keys = keys_[slot];
  for (const std::uint64_t each : keys)
    forget(each, path);
}

void Leases::expire(Instant now, FastPath& path) {
  while (!expiries_.empty() && expiries_.front().at <= now) {
    const auto [its_key, at] = expiries_.front();
    expiries_.pop_front();
    State* state = states_.find(its_key);
    if (!state || state->looked_at != at) continue;  // begun anew since
    if (state->until + kTime > now) {
      state->looked_at = now + 2 * kTime;
      expiries_.push_back({its_key, state->looked_at});
    } else {
      forget(its_key, path);
    }
  }
}

void Leases::forget(std::uint64_t its_key, FastPath& path) {
  const State* state = states_.find(its_key);
  if (!state) return;
  if (state->leased) path.revoke(state->from, static_cast<std::uint32_t>(its_key));
  std::erase(keys_of(state->source.slot), its_key);
  std::erase(keys_of(state->target.slot), its_key);
  states_.erase(its_key);
}

std::vector<std::uint64_t>& Leases::keys_of(std::uint32_t slot) {
  if (slot >= keys_.size()) keys_.resize(slot + 1);
  return keys_[slot];
}

}  // namespace lanrage::relay
