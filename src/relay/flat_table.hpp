// A hash table in one array (open addressing, linear probing): a look-up touches one cache line as
// a rule and never allocates. The hash is seeded, because keys come from the network.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace lanrage::relay {

inline std::uint64_t mix(std::uint64_t value, std::uint64_t seed) {
  value = (value ^ seed) * 0x9E3779B97F4A7C15ull;
  value = (value ^ value >> 32) * 0xD6E8FEB86659FD93ull;
  return value ^ value >> 32;
}

inline std::uint64_t seeded_hash(std::uint64_t key, std::uint64_t seed) {
  return mix(key, seed);
}
inline std::uint64_t seeded_hash(const Endpoint& key, std::uint64_t seed) {
  ByteReader reader(key.address.bytes());
  if (key.address.is_v4()) return mix(std::uint64_t{reader.u32()} << 16 | key.port, seed);
  return mix(reader.u64(), mix(reader.u64() ^ key.port, seed));
}

// Key and Value are small and trivially copyable. Grows by doubling; never shrinks.
template <class Key, class Value>
class FlatTable {
 public:
  explicit FlatTable(std::uint64_t seed, std::size_t capacity = 64)
      : seed_(seed), cells_(capacity) {}

  std::size_t size() const { return size_; }

  // Valid until the next insert or erase.
  Value* find(const Key& key) {
    for (std::size_t at = home(key);; at = next(at)) {
      Cell& cell = cells_[at];
      if (!cell.used) return nullptr;
      if (cell.key == key) return &cell.value;
    }
  }
  const Value* find(const Key& key) const { return const_cast<FlatTable*>(this)->find(key); }

  // Inserts or overwrites.
  void put(const Key& key, const Value& value) {
    if (Value* old = find(key)) {
      *old = value;
      return;
    }
    if (2 * (size_ + 1) > cells_.size()) grow();
    place(key, value);
    ++size_;
  }

  bool erase(const Key& key) {
    std::size_t hole = home(key);
    while (cells_[hole].used && !(cells_[hole].key == key))
      hole = next(hole);
    if (!cells_[hole].used) return false;
    // Moves up whatever a probe would no longer reach past the hole.
    for (std::size_t at = next(hole); cells_[at].used; at = next(at)) {
      std::size_t probe_length = (at - home(cells_[at].key)) & (cells_.size() - 1);
      std::size_t distance = (at - hole) & (cells_.size() - 1);
      if (probe_length < distance) continue;
      cells_[hole] = cells_[at];
      hole = at;
    }
    cells_[hole].used = false;
    --size_;
    return true;
  }

 private:
  struct Cell {
    Key key{};
    [[no_unique_address]] Value value{};  // whose last bytes may be free
    bool used = false;
  };

  std::size_t home(const Key& key) const { return seeded_hash(key, seed_) & (cells_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (cells_.size() - 1); }

  void place(const Key& key, const Value& value) {
    std::size_t at = home(key);
    while (cells_[at].used)
      at = next(at);
    cells_[at] = {key, value, true};
  }
  void grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.used) place(cell.key, cell.value);
    }
  }

  std::uint64_t seed_;
  std::vector<Cell> cells_;  // a power of two, at most half used
  std::size_t size_ = 0;
};

}  // namespace lanrage::relay
