#include "protocol/types.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "protocol/problem.hpp"

namespace lanrage::protocol {
namespace {

constexpr std::array<std::pair<NatType, std::string_view>, 6> kNatTypes{{
    {NatType::unknown, "unknown"},
    {NatType::open, "open"},
    {NatType::full_cone, "full_cone"},
    {NatType::restricted_cone, "restricted_cone"},
    {NatType::port_restricted_cone, "port_restricted_cone"},
    {NatType::symmetric, "symmetric"},
}};

bool is_token_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// A fixed-width decimal number at `position`; -1 if there is none.
int digits(std::string_view text, std::size_t position, std::size_t count) {
  if (position + count > text.size()) return -1;
  int value = 0;
  for (char c : text.substr(position, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

Result<BearerToken> BearerToken::from_header(std::optional<std::string_view> authorization) {
  if (!authorization)
    return fail(Errc::missing_token,
                "this needs a token: send \"Authorization: Bearer TOKEN\" with one from "
                "POST /auth/register",
                "Authorization");
  constexpr std::string_view kScheme = "bearer ";
  auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; };
  bool is_bearer = authorization->size() > kScheme.size() &&
                   std::equal(kScheme.begin(), kScheme.end(), authorization->begin(),
                              [&](char scheme, char given) { return same(given, scheme); });
  std::string_view text = is_bearer ? authorization->substr(kScheme.size()) : std::string_view();
  if (!well_formed(text))
    return fail(Errc::malformed_token,
                "expected \"Authorization: Bearer TOKEN\" with 16 to 128 characters of A-Z a-z 0-9 "
                "- _",
                "Authorization");
  return BearerToken{std::string(text)};
}

bool BearerToken::well_formed(std::string_view text) {
  return text.size() >= 16 && text.size() <= 128 && std::ranges::all_of(text, is_token_character);
}

std::string_view name_of(NatType type) {
  for (auto& [value, name] : kNatTypes)
    if (value == type) return name;
  return "unknown";
}

std::optional<NatType> nat_type_from(std::string_view name) {
  for (auto& [value, known] : kNatTypes)
    if (known == name) return value;
  return std::nullopt;
}

std::string format_time(UnixTime time) {
  using namespace std::chrono;
  auto day = floor<days>(time);
  year_month_day date(day);
  hh_mm_ss clock(floor<milliseconds>(time - day));
  char text[64];
  int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return std::string(text, static_cast<std::size_t>(length));
}

std::optional<UnixTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  // 2026-01-31T12:00:00[.fraction]Z
  if (text.size() < 20 || text.size() > 30 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':' ||
      (text.back() != 'Z' && text.back() != 'z'))
    return std::nullopt;
  int year_number = digits(text, 0, 4);
  int month_number = digits(text, 5, 2);
  int day_number = digits(text, 8, 2);
  int hour = digits(text, 11, 2);
  int minute = digits(text, 14, 2);
  int second = digits(text, 17, 2);
  if (year_number < 0 || month_number < 0 || day_number < 0 || hour < 0 || hour > 23 ||
      minute < 0 || minute > 59 || second < 0 || second > 59)
    return std::nullopt;
  year_month_day date(year(year_number), month(static_cast<unsigned>(month_number)),
                      day(static_cast<unsigned>(day_number)));
  if (!date.ok()) return std::nullopt;
  int millis = 0;
  if (text.size() > 20) {
    std::string_view fraction = text.substr(20, text.size() - 21);
    if (text[19] != '.' || fraction.empty() || digits(fraction, 0, fraction.size()) < 0)
      return std::nullopt;
    for (std::size_t i = 0; i < 3; ++i)
      millis = millis * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  return UnixTime(sys_days(date).time_since_epoch() + hours(hour) + minutes(minute) +
                  seconds(second) + milliseconds(millis));
}

}  // namespace lanrage::protocol
