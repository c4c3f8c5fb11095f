// The relay's side of a table of leases that the program in the kernel reads meanwhile, and
// charges: see relay_xdp.h for how it stands in memory. Which budget the program may charge, and
// that it notices what changes under it, is decided by the order of writes here.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "xdp/relay_xdp.h"

namespace lanrage::xdp {

// What the tables of both families have in common.
struct TableShape {
  static constexpr TableShape of(std::uint32_t leases, std::uint64_t seed) {
    return {leases, leases + leases / 2, seed};
  }
  constexpr std::uint32_t slots() const { return homes + relay_reach - 1; }

  std::uint32_t leases = 0;  // at most
  std::uint32_t homes = 0;   // half as many more, so that leases stand near theirs
  std::uint64_t seed = 0;
};

inline std::uint32_t home_of(const RelayKey4& key, const TableShape& shape) {
  return relay_home4(&key, shape.seed, shape.homes);
}
inline std::uint32_t home_of(const RelayKey6& key, const TableShape& shape) {
  return relay_home6(&key, shape.seed, shape.homes);
}
inline bool same(const RelayKey4& a, const RelayKey4& b) {
  return relay_same4(&a, &b) != 0;
}
inline bool same(const RelayKey6& a, const RelayKey6& b) {
  return relay_same6(&a, &b) != 0;
}

// One thread at a time; Slot is RelaySlot4 or RelaySlot6.
template <class Slot>
class LeaseTable {
 public:
  using Key = decltype(Slot::key);
  using Lease = decltype(Slot::lease);

  LeaseTable() = default;
  // `slots` are all free, and stay where they are.
  LeaseTable(std::span<Slot> slots, const TableShape& shape) : slots_(slots), shape_(shape) {}

  // Not if the table is full, or if all is taken within reach of the key's home, which nobody can
  // bring about who doesn't know the seed.
  bool has_place(const Key& key) const { return has_place(find(key)); }

  // In place of the lease that this key had; nothing happens without a place for it.
  void put(const Key& key, const Lease& lease, std::uint32_t packets, std::uint32_t bytes) {
    const std::uint32_t at = find(key);
    if (!has_place(at)) return;
    if (!slots_[at].key.used) ++size_;
    write(at, key, lease, packets, bytes);
  }

  void erase(const Key& key) {
    std::uint32_t hole = find(key);
    if (hole == kNowhere || !slots_[hole].key.used) return;
    take_budget(hole);
    // Moves up whatever a look-up would no longer reach past the hole.
    for (std::uint32_t at = hole + 1; at < slots_.size() && slots_[at].key.used; ++at) {
      if (home_of(slots_[at].key, shape_) > hole) continue;
      const std::uint64_t left = take_budget(at);
      write(hole, slots_[at].key, slots_[at].lease, relay_packets(left), relay_bytes(left));
      hole = at;
    }
    slots_[hole].key = {};
    --size_;
  }

 private:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  // Where the key stands, or else the free slot for it.
  std::uint32_t find(const Key& key) const {
    const std::uint32_t home = home_of(key, shape_);
    for (std::uint32_t at = home; at < home + relay_reach; ++at)
      if (!slots_[at].key.used || same(slots_[at].key, key)) return at;
    return kNowhere;
  }

  bool has_place(std::uint32_t at) const {
    return at != kNowhere && (slots_[at].key.used || size_ < shape_.leases);
  }

  std::atomic_ref<__u64> budget(std::uint32_t at) const {
    return std::atomic_ref(slots_[at].budget);
  }
  // From here on the program charges nothing there; what is written next is seen after that.
  std::uint64_t take_budget(std::uint32_t at) const {
    const std::uint64_t out = budget(at).exchange(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    return out;
  }
  void write(std::uint32_t at, const Key& key, const Lease& lease, std::uint32_t packets,
             std::uint32_t bytes) const {
    take_budget(at);
    Slot& slot = slots_[at];
    slot.key = key;
    slot.lease = lease;
    budget(at).store(relay_budget(++slot.generation, packets, bytes), std::memory_order_release);
  }

  std::span<Slot> slots_;
  TableShape shape_;
  std::size_t size_ = 0;
};

}  // namespace lanrage::xdp
