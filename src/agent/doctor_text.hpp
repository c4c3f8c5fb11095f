// How the doctor's findings write names, lists and times.
#pragma once

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace lanrage::agent {

inline std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

inline std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts)
    out += (out.empty() ? "" : ", ") + part;
  return out;
}

inline std::string milliseconds(Duration time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f ms", static_cast<double>(time.count()) / 1000);
  return text.data();
}

}  // namespace lanrage::agent
