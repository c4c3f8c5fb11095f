// Rate limits: one token bucket for each key (an address, a peer), in a table of bounded size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "base/token_bucket.hpp"

namespace lanrage {

template <class Key>
class BucketTable {
 public:
  // Above `most_keys` keys that aren't at rest, newcomers share one bucket: a flood of addresses
  // limits other newcomers, not those who are known, and never our memory.
  explicit BucketTable(Rate rate, std::size_t most_keys = 100'000)
      : rate_(rate), most_keys_(most_keys) {}

  // Takes so many. False: fewer are left, and none is taken.
  bool take(const Key& key, Instant now, double count = 1) {
    const auto found = buckets_.find(key);
    return (found != buckets_.end() ? found->second : newcomer(key, now)).take(rate_, now, count);
  }
  // Whether so many are left; takes none.
  bool has(const Key& key, Instant now, double count = 1) const {
    const auto found = buckets_.find(key);
    const auto level = found == buckets_.end() ? rate_.burst : found->second.level(rate_, now);
    return level >= count;
  }
  std::size_t size() const { return buckets_.size(); }

 private:
  TokenBucket& newcomer(const Key& key, Instant now) {
    if (buckets_.size() >= most_keys_) forget_full(now);
    const TokenBucket full(rate_, now);
    if (buckets_.size() < most_keys_) return buckets_.emplace(key, full).first->second;
    return shared_ ? *shared_ : shared_.emplace(full);
  }
  void forget_full(Instant now) {
    if (now - last_sweep_ < std::chrono::seconds(1)) return;
    last_sweep_ = now;
    std::erase_if(buckets_,
                  [&](const auto& entry) { return entry.second.level(rate_, now) >= rate_.burst; });
  }

  Rate rate_;
  std::size_t most_keys_;
  std::unordered_map<Key, TokenBucket> buckets_;
  Instant last_sweep_{};
  std::optional<TokenBucket> shared_;
};

using TokenBuckets = BucketTable<std::string>;  // by rate_key()
using PeerBuckets = BucketTable<PeerId>;

// IPv4: the address; IPv6: its /64, which is what one customer has.
inline std::string rate_key(const IpAddress& address) {
  const auto bytes = address.bytes();
  const auto kept = address.is_v6() ? bytes.first(8) : bytes;
  return std::string(kept.begin(), kept.end());
}

}  // namespace lanrage
