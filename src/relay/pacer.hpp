// Token buckets in eight bytes each (the generic cell rate algorithm): what is kept is the time at
// which the bucket will be full again.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
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
        burst_ns_(std::min(rate.burst, ~std::uint64_t{0} / std::max<std::uint64_t>(cost_q10_, 1)) *
                      cost_q10_ >>
                  10) {}

 private:
  friend class Pacer;
  friend class SharedPacer;
  std::uint64_t cost_q10_;  // nanoseconds a unit, in 1/1024
  std::uint64_t burst_ns_;
};

class Pacer {
 public:
  bool has(Instant now, std::uint64_t units, const PacerRate& rate) const {
    return after(now, cost(units, rate)) - nanoseconds(now) <= rate.burst_ns_;
  }
  // Takes `units`, whether there are so many or not: the bucket then owes them.
  void charge(Instant now, std::uint64_t units, const PacerRate& rate) {
    full_at_ns_ = after(now, cost(units, rate));
  }
  // Takes `units` if there are so many now.
  bool take(Instant now, std::uint64_t units, const PacerRate& rate) {
    const bool enough = has(now, units, rate);
    if (enough) charge(now, units, rate);
    return enough;
  }

 private:
  friend class SharedPacer;

  static std::uint64_t nanoseconds(Instant now) {
    return static_cast<std::uint64_t>(now.time_since_epoch().count()) * 1000;
  }
  static std::uint64_t cost(std::uint64_t units, const PacerRate& rate) {
    return units * rate.cost_q10_ >> 10;
  }
  // When the bucket is full again if it gives away what takes so long.
  std::uint64_t after(Instant now, std::uint64_t cost) const {
    return std::max(full_at_ns_, nanoseconds(now)) + cost;
  }

  std::uint64_t full_at_ns_ = 0;
};

enum class Threads : std::uint8_t { one, several };

// A bucket that several threads may draw on. Nothing but itself depends on it, so its steps are in
// no order toward anything else.
class AtomicPacer {
 public:
  Pacer now() const { return state_.load(std::memory_order_relaxed); }
  bool take(Instant now, std::uint64_t units, const PacerRate& rate) {
    Pacer before = state_.load(std::memory_order_relaxed);
    while (true) {
      Pacer after = before;
      if (!after.take(now, units, rate)) return false;
      if (state_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
    }
  }
  // As Pacer::charge. What others charge at the same time isn't forgotten, unless there are none.
  void charge(Instant now, std::uint64_t units, const PacerRate& rate, Threads threads) {
    Pacer before = state_.load(std::memory_order_relaxed);
    while (true) {
      Pacer after = before;
      after.charge(now, units, rate);
      if (threads == Threads::one) return state_.store(after, std::memory_order_relaxed);
      if (state_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return;
    }
  }

 private:
  static_assert(std::atomic<Pacer>::is_always_lock_free);
  std::atomic<Pacer> state_{};
};

// A bucket that several clients draw on. While there is something in it, whoever comes takes it.
// When it is empty, a client still gets its share, rate and burst divided by all clients, and the
// bucket owes that: so one that floods takes no more than the others leave. In any time the rate
// and two bursts can pass at most, and a packet more for each thread beside the first.
class SharedPacer {
 public:
  // `share` is that client's own, and nobody else's.
  bool has(Instant now, std::uint64_t units, const Pacer& share, std::uint32_t clients,
           const PacerRate& rate) const {
    return has_beyond_shares(now, units, rate) || share_has(now, units, share, clients, rate);
  }
  // For units that it has.
  void charge(Instant now, std::uint64_t units, Pacer& share, std::uint32_t clients,
              const PacerRate& rate, Threads threads) {
    if (!has_beyond_shares(now, units, rate))
      share.full_at_ns_ = share.after(now, share_cost(units, clients, rate));
    pool_.charge(now, units, rate, threads);
  }
  // The same without anybody's share.
  bool has_beyond_shares(Instant now, std::uint64_t units, const PacerRate& rate) const {
    return pool_.now().has(now, units, rate);
  }
  void charge_beyond_shares(Instant now, std::uint64_t units, const PacerRate& rate,
                            Threads threads) {
    pool_.charge(now, units, rate, threads);
  }

 private:
  // Of more clients nobody has less: that keeps the product in its 64 bits.
  static constexpr std::uint32_t kMostShares = 1u << 16;

  static std::uint64_t share_cost(std::uint64_t units, std::uint32_t clients,
                                  const PacerRate& rate) {
    return Pacer::cost(units, rate) * std::clamp(clients, 1u, kMostShares);
  }
  // A full share gives any one packet: there may be more clients than the burst has packets.
  static bool share_has(Instant now, std::uint64_t units, const Pacer& share, std::uint32_t clients,
                        const PacerRate& rate) {
    const std::uint64_t now_ns = Pacer::nanoseconds(now);
    return share.full_at_ns_ <= now_ns ||
           share.after(now, share_cost(units, clients, rate)) - now_ns <= rate.burst_ns_;
  }

  AtomicPacer pool_;
};

// Which of so many cells an IPv4 address or IPv6 /64 has.
inline std::size_t address_cell(const IpAddress& address, std::uint64_t seed, std::size_t cells) {
  ByteReader reader(address.bytes());
  const std::uint64_t key = address.is_v4() ? reader.u32() : reader.u64();
  return mix(key, seed) % cells;
}

// One bucket for each IPv4 address or IPv6 /64, in constant memory: addresses that fall on the same
// cell share a bucket, and the seed keeps that from being arranged. Copies share the buckets.
class AddressPacer {
 public:
  AddressPacer(const Rate& rate, std::uint64_t seed, std::size_t cells = 8192)
      : rate_(rate), seed_(seed), cells_(std::make_shared<std::vector<AtomicPacer>>(cells)) {}

  bool take(Instant now, const IpAddress& address, std::uint64_t units) {
    return (*cells_)[address_cell(address, seed_, cells_->size())].take(now, units, rate_);
  }

 private:
  PacerRate rate_;
  std::uint64_t seed_;
  std::shared_ptr<std::vector<AtomicPacer>> cells_;
};

}  // namespace lanrage::relay
