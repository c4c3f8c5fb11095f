// The table that comes with lanrage, and datagrams.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "games/pattern.hpp"

namespace lanrage::games::test {

inline const Table& built_in() {
  static const Table table = table_with().value();
  return table;
}
inline const Game& game(std::string_view name) {
  for (const auto& each : built_in().games())
    if (each.name == name) return each;
  throw std::runtime_error("no such game");
}
inline IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}
inline Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}
inline std::string minecraft(std::string_view title, std::string_view port = "25565") {
  return "[MOTD]" + std::string(title) + "[/MOTD][AD]" + std::string(port) + "[/AD]";
}
inline Datagram announcement(std::string_view from, const std::string& payload) {
  return {endpoint(from), endpoint("224.0.2.60:4445"), as_bytes(payload)};
}

}  // namespace lanrage::games::test
