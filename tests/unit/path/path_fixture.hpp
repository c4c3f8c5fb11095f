// Shared by the tests of this module.
#pragma once

#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "path/action.hpp"

namespace lanrage::path {

inline Endpoint at(const char* text) {
  return *Endpoint::parse(text);
}
inline constexpr Instant kStart{std::chrono::seconds(1'000)};
using ms = std::chrono::milliseconds;

template <class T>
std::vector<T> all_of(const Actions& actions) {
  std::vector<T> out;
  for (const Action& action : actions)
    if (const T* found = std::get_if<T>(&action)) out.push_back(*found);
  return out;
}
template <class T>
bool any_of(const Actions& actions) {
  return !all_of<T>(actions).empty();
}

}  // namespace lanrage::path
