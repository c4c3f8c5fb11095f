// Randomness as an interface, so that core modules replay from a seed.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace lanrage {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableByteView out) = 0;

  template <std::size_t N>
  ByteArray<N> array() {
    ByteArray<N> out;
    fill(out);
    return out;
  }
  std::uint64_t u64();
  std::uint64_t below(std::uint64_t bound);  // uniform in [0, bound); bound > 0
};

// Repeatable and predictable: tests and simulations only. (The system's source is crypto/keys.hpp.)
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(MutableByteView out) override;

 private:
  std::uint64_t state_;
};

}  // namespace lanrage
