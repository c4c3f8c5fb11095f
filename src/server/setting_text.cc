// Settings as text: how a value is written in TOML, and times with their units.
#include <algorithm>
#include <array>
#include <charconv>

#include "server/setting_table.hpp"

namespace lanrage::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Unit {
  std::string_view name;
  milliseconds size;
};
constexpr std::array<Unit, 5> kUnits{{{"d", std::chrono::days(1)},
                                      {"h", std::chrono::hours(1)},
                                      {"m", std::chrono::minutes(1)},
                                      {"s", seconds(1)},
                                      {"ms", milliseconds(1)}}};
constexpr milliseconds kLongest = std::chrono::days(3'650);

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string quoted_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items)
    out += (out.size() > 1 ? ", " : "") + quoted(item);
  return out + "]";
}

std::string text_of(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), end.ptr);
}

std::optional<std::chrono::milliseconds> duration_of(const SettingValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return parse_duration(*text);
  const auto* seconds = std::get_if<std::int64_t>(&value);
  if (!seconds || *seconds < 0 || *seconds > kLongest / std::chrono::seconds(1))
    return std::nullopt;
  return std::chrono::seconds(*seconds);
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec != std::errc() || number < 0) return std::nullopt;
  const std::string_view unit(end.ptr, text.data() + text.size());
  milliseconds size = seconds(1);
  if (!unit.empty()) {
    const auto found = std::ranges::find(kUnits, unit, &Unit::name);
    if (found == kUnits.end()) return std::nullopt;
    size = found->size;
  }
  if (number > kLongest / size) return std::nullopt;
  return number * size;
}

std::string format_duration(milliseconds duration) {
  for (const auto& unit : kUnits)
    if (duration != milliseconds(0) && duration % unit.size == milliseconds(0))
      return std::to_string(duration / unit.size) + std::string(unit.name);
  return "0s";
}

}  // namespace lanrage::server
