#include "server/token_buckets.hpp"

#include <algorithm>

namespace lanrage::server {

double TokenBuckets::level(const Bucket& bucket, Instant now) const {
  const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
  return std::min(rate_.burst, bucket.tokens + std::max(0.0, seconds) * rate_.per_second);
}

void TokenBuckets::forget_full(Instant now) {
  if (now - last_sweep_ < std::chrono::seconds(1)) return;
  last_sweep_ = now;
  std::erase_if(buckets_,
                [&](const auto& entry) { return level(entry.second, now) >= rate_.burst; });
}

bool TokenBuckets::take(const std::string& key, Instant now) {
  const Bucket full{rate_.burst, now};
  auto found = buckets_.find(key);
  Bucket* bucket = nullptr;
  if (found != buckets_.end()) {
    bucket = &found->second;
  } else {
    if (buckets_.size() >= most_keys_) forget_full(now);
    if (buckets_.size() < most_keys_)
      bucket = &buckets_.emplace(key, full).first->second;
    else
      bucket = shared_ ? &*shared_ : &shared_.emplace(full);
  }
  bucket->tokens = level(*bucket, now);
  bucket->filled = now;
  if (bucket->tokens < 1) return false;
  bucket->tokens -= 1;
  return true;
}

bool TokenBuckets::has(const std::string& key, Instant now) const {
  auto found = buckets_.find(key);
  return found == buckets_.end() || level(found->second, now) >= 1;
}

std::string rate_key(const IpAddress& address) {
  const auto bytes = address.bytes();
  const auto kept = address.is_v6() ? bytes.first(8) : bytes;
  return std::string(kept.begin(), kept.end());
}

}  // namespace lanrage::server
