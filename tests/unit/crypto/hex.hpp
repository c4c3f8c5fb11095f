// Test vectors as the RFCs print them.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace lanrage::crypto {

inline Bytes hex(std::string_view text) {
  auto bytes = from_hex(text);
  EXPECT_TRUE(bytes.has_value()) << text;
  return bytes.value_or(Bytes{});
}

template <std::size_t N>
ByteArray<N> hex(std::string_view text) {
  const auto bytes = hex(text);
  EXPECT_EQ(bytes.size(), N) << text;
  ByteArray<N> out{};
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), out.begin());
  return out;
}

}  // namespace lanrage::crypto
