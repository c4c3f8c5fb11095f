#pragma once

#include <algorithm>
#include <string_view>

#include "protocol/types.hpp"

namespace lanrage::server {

// What a relay's region may be called: 1 to 32 of a-z, 0-9 and -.
constexpr bool is_region(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= protocol::kMaxRegionSize &&
         std::ranges::all_of(text, fits);
}

}  // namespace lanrage::server
