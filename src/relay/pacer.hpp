// Token buckets in eight bytes each (the generic cell rate algorithm): what is kept is the time at
// which the bucket will be full again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "relay/flat_table.hpp"
#include "relay/limits.hpp"

namespace lanrage::relay {

// A Rate made ready for the hot path: no division there.
class PacerRate {
 public:
  explicit PacerRate(const Rate& rate)
      : cost_q10_((std::uint64_t{1'000'000'000} << 10) / rate.per_second),
        burst_ns_(rate.burst * cost_q10_ >> 10) {}

 private:
  friend class Pacer;
  std::uint64_t cost_q10_;  // nanoseconds a unit, in 1/1024
  std::uint64_t burst_ns_;
};

class Pacer {
 public:
  // Takes `units` if there are so many now.
  bool take(Instant now, std::uint64_t units, const PacerRate& rate) {
    auto now_ns = static_cast<std::uint64_t>(now.time_since_epoch().count()) * 1000;
    std::uint64_t full_at = std::max(full_at_ns_, now_ns) + (units * rate.cost_q10_ >> 10);
    if (full_at - now_ns > rate.burst_ns_) return false;
    full_at_ns_ = full_at;
    return true;
  }

 private:
  std::uint64_t full_at_ns_ = 0;
};

// One bucket for each IPv4 address or IPv6 /64, in constant memory: addresses that fall on the same
// cell share a bucket, and the seed keeps that from being arranged.
class AddressPacer {
 public:
  AddressPacer(const Rate& rate, std::uint64_t seed, std::size_t cells = 8192)
      : rate_(rate), seed_(seed), cells_(cells) {}

  bool take(Instant now, const IpAddress& address, std::uint64_t units) {
    ByteReader reader(address.bytes());
    std::uint64_t key = address.is_v4() ? reader.u32() : reader.u64();
    return cells_[mix(key, seed_) % cells_.size()].take(now, units, rate_);
  }

 private:
  PacerRate rate_;
  std::uint64_t seed_;
  std::vector<Pacer> cells_;
};

}  // namespace lanrage::relay
