// Rate limits: one token bucket for each key (an address, a peer), in a table of bounded size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace lanrage::server {

struct Rate {
  double per_second;
  double burst;  // how many may come at once
};

class TokenBuckets {
 public:
  // Above `most_keys` keys that aren't at rest, newcomers share one bucket: a flood of addresses
  // limits other newcomers, not those who are known, and never our memory.
  explicit TokenBuckets(Rate rate, std::size_t most_keys = 100'000)
      : rate_(rate), most_keys_(most_keys) {}

  // Takes one. False: none left.
  bool take(const std::string& key, Instant now);
  // Whether one is left; takes none.
  bool has(const std::string& key, Instant now) const;
  std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens;
    Instant filled;
  };
  double level(const Bucket& bucket, Instant now) const;
  void forget_full(Instant now);

  Rate rate_;
  std::size_t most_keys_;
  std::unordered_map<std::string, Bucket> buckets_;
  Instant last_sweep_{};
  std::optional<Bucket> shared_;
};

// IPv4: the address; IPv6: its /64, which is what one customer has.
std::string rate_key(const IpAddress& address);

}  // namespace lanrage::server
