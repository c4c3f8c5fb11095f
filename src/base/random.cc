#include "base/random.hpp"

namespace lanrage {

std::uint64_t Random::u64() {
  std::uint64_t value = 0;
  for (std::uint8_t byte : array<8>())
    value = value << 8 | byte;
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t limit = ~0ull - ~0ull % bound;  // reject the uneven tail
  std::uint64_t value = u64();
  while (value >= limit)
    value = u64();
  return value % bound;
}

// SplitMix64 (Steele, Lea, Flood 2014).
void SeededRandom::fill(MutableByteView out) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) {
      state_ += 0x9e3779b97f4a7c15ull;
      word = state_;
      word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
      word = (word ^ word >> 27) * 0x94d049bb133111ebull;
      word ^= word >> 31;
    }
    out[i] = static_cast<std::uint8_t>(word >> (8 * (i % 8)));
  }
}

}  // namespace lanrage
