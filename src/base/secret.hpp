// Bytes that must not leak: wiped when they go, compared in constant time, and not printable (no
// formatter, stream or JSON conversion accepts them).
#pragma once

#include <string>
#include <string_view>
#include <utility>

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

// The same for text. Comparing tells nothing but the length.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(const SecretText&) = default;
  SecretText& operator=(const SecretText& other) {
    if (this == &other) return *this;
    forget();
    text_ = other.text_;
    return *this;
  }
  ~SecretText() { forget(); }

  std::string_view expose() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend bool operator==(const SecretText& a, const SecretText& b) {
    if (a.text_.size() != b.text_.size()) return false;
    int difference = 0;
    for (std::size_t i = 0; i < a.text_.size(); ++i)
      difference |= a.text_[i] ^ b.text_[i];
    return difference == 0;
  }

 private:
  void forget() { wipe({reinterpret_cast<std::uint8_t*>(text_.data()), text_.size()}); }

  std::string text_;
};

}  // namespace lanrage
