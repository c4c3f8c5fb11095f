#include "agent/http_date.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace lanrage::agent {

std::optional<UnixTime> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // "Sun, 06 Nov 1994 08:49:37 GMT": every part has its place.
  if (text.size() != 29 || !text.ends_with(" GMT") || text.substr(3, 2) != ", ")
    return std::nullopt;
  bool good =
      text[7] == ' ' && text[11] == ' ' && text[16] == ' ' && text[19] == ':' && text[22] == ':';
  const auto number = [&](std::size_t at, std::size_t size) {
    unsigned value = 0;
    const auto* end = text.data() + at + size;
    good &= std::from_chars(text.data() + at, end, value).ptr == end;
    return value;
  };
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const std::chrono::year_month_day date{
      std::chrono::year(static_cast<int>(number(12, 4))),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(number(5, 2))};
  const std::chrono::seconds time{number(17, 2) * 3600 + number(20, 2) * 60 + number(23, 2)};
  if (!good || !date.ok() || time >= std::chrono::days(1)) return std::nullopt;
  return std::chrono::sys_days(date) + time;
}

std::optional<UnixTime> clock_by_date(std::string_view date) {
  return parse_http_date(date).transform(
      [](UnixTime second) { return second + std::chrono::milliseconds(500); });
}

std::optional<Duration> clock_ahead(std::string_view date, UnixTime sent, UnixTime received) {
  const auto server = clock_by_date(date);
  if (!server || received < sent) return std::nullopt;
  const auto ours = sent + (received - sent) / 2;
  return *server - ours;
}

}  // namespace lanrage::agent
