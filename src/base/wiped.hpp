// Buffers that secrets pass through as text or in messages: wiped when they go and when they grow.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/secret.hpp"

namespace lanrage {

template <class T>
struct WipingAllocator {
  using value_type = T;

  WipingAllocator() = default;
  template <class Other>
  explicit(false) WipingAllocator(const WipingAllocator<Other>&) {}

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* start, std::size_t count) {
    wipe({reinterpret_cast<std::uint8_t*>(start), count * sizeof(T)});
    std::allocator<T>().deallocate(start, count);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) = default;
};

using WipedBytes = std::vector<std::uint8_t, WipingAllocator<std::uint8_t>>;
// A text of fewer than 16 characters stands in the object itself and isn't wiped; keys and invites
// are longer. For shorter secrets there is SecretText.
using WipedString = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;

}  // namespace lanrage
