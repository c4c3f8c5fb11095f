// Bytes that must not leak: wiped when they go, compared in constant time, and not printable (no
// formatter, stream or JSON conversion accepts them).
#pragma once

#include "base/bytes.hpp"

namespace lanrage {

// Overwrites secret bytes that stand in plain memory.
inline void wipe(MutableByteView bytes) {
  volatile std::uint8_t* p = bytes.data();  // volatile: the wipe may not be optimised away
  for (std::size_t i = 0; i < bytes.size(); ++i)
    p[i] = 0;
}

template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(const ByteArray<N>& bytes) : bytes_(bytes) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes_); }

  // The one way in: named so that every use of the raw bytes can be found and judged.
  const ByteArray<N>& expose() const { return bytes_; }
  ByteArray<N>& expose_mutable() { return bytes_; }

  friend bool operator==(const Secret& a, const Secret& b) {
    std::uint8_t difference = 0;
    for (std::size_t i = 0; i < N; ++i)
      difference = static_cast<std::uint8_t>(difference | (a.bytes_[i] ^ b.bytes_[i]));
    return difference == 0;
  }

 private:
  ByteArray<N> bytes_{};
};

}  // namespace lanrage
