// The table of settings: for each its key, what it may be, and its place in Config.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config.hpp"

namespace lanrage::server {

// As a file or a flag gives it.
using SettingValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

struct Setting {
  std::string key;       // with its tables: "limits.party.peers"
  std::string expected;  // completes "expected ..."
  // False, and nothing changed, when the value isn't what is expected.
  std::function<bool(Config&, const SettingValue&)> set;
  // As TOML; empty: unset.
  std::function<std::string(const Config&)> show;
  bool secret = false;  // its value stands in no message
};

const std::vector<Setting>& settings();
const Setting* find_setting(std::string_view key);

// "90s", "5m" and the like; also whole seconds without a unit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace lanrage::server
