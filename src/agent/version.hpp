// The program's version, as the build knows it.
#pragma once

#include <string_view>

namespace lanrage::agent {

inline constexpr std::string_view kVersion = LANRAGE_VERSION;

}  // namespace lanrage::agent
