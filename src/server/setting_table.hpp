// Builds the table of settings: one method for each kind of value.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "server/settings.hpp"

namespace lanrage::server {

std::string quoted(std::string_view text);  // as a TOML string
std::string quoted_list(const std::vector<std::string>& items);
std::string text_of(double value);
std::optional<std::chrono::milliseconds> duration_of(const SettingValue& value);

template <class T>
std::optional<T> parsed(const SettingValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? T::parse(*text) : std::nullopt;
}

// Each method declares one setting; `at` leads from a Config, const or not, to its place.
class SettingTable {
 public:
  std::vector<Setting> take() { return std::move(settings_); }

  template <class At>
  void text(std::string key, std::string expected, At at) {
    add(
        std::move(key), std::move(expected),
        [at](Config& c, const SettingValue& value) {
          const auto* given = std::get_if<std::string>(&value);
          if (!given || given->empty() || given->find('\0') != std::string::npos) return false;
          at(c) = *given;
          return true;
        },
        [at](const Config& c) { return at(c).empty() ? "" : quoted(at(c)); });
  }

  template <class At>
  void yes_or_no(std::string key, At at) {
    add(
        std::move(key), "true or false",
        [at](Config& c, const SettingValue& value) {
          const auto* given = std::get_if<bool>(&value);
          if (given) at(c) = *given;
          return given != nullptr;
        },
        [at](const Config& c) { return at(c) ? "true" : "false"; });
  }

  template <class At>
  void whole(std::string key, At at, std::uint64_t least, std::uint64_t most) {
    add(
        std::move(key),
        "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
        [=](Config& c, const SettingValue& value) {
          const auto* given = std::get_if<std::int64_t>(&value);
          if (!given || *given < 0) return false;
          const auto number = static_cast<std::uint64_t>(*given);
          if (number < least || number > most) return false;
          at(c) = number;
          return true;
        },
        [at](const Config& c) { return std::to_string(at(c)); });
  }

  template <class At>
  void real(std::string key, At at, double least, double most) {
    add(
        std::move(key), "a number from " + text_of(least) + " to " + text_of(most),
        [=](Config& c, const SettingValue& value) {
          double number = std::numeric_limits<double>::quiet_NaN();
          if (const auto* given = std::get_if<double>(&value)) number = *given;
          if (const auto* given = std::get_if<std::int64_t>(&value))
            number = static_cast<double>(*given);
          if (std::isnan(number) || number < least || number > most) return false;
          at(c) = number;
          return true;
        },
        [at](const Config& c) { return text_of(at(c)); });
  }

  template <class At>
  void rate(const std::string& key, At at) {
    real(key + ".per_second", [at](auto& c) -> auto& { return at(c).per_second; }, 0.001, 1e6);
    real(key + ".burst", [at](auto& c) -> auto& { return at(c).burst; }, 1, 1e7);
  }

  template <class At>
  void whole_rate(const std::string& key, At at) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    whole(key + ".per_second", [at](auto& c) -> auto& { return at(c).per_second; }, 1, kMost);
    whole(key + ".burst", [at](auto& c) -> auto& { return at(c).burst; }, 1, kMost);
  }

  // In steps of the field's own unit.
  template <class At>
  void time(std::string key, At at, std::chrono::milliseconds least,
            std::chrono::milliseconds most) {
    using Field = std::remove_cvref_t<decltype(at(std::declval<Config&>()))>;
    constexpr std::chrono::milliseconds kStep = Field(1);
    std::string expected = "a time from " + format_duration(least) + " to " + format_duration(most);
    if (kStep > std::chrono::seconds(1)) expected += " in steps of " + format_duration(kStep);
    add(
        std::move(key), expected + R"(, such as "90s", "5m", "24h" or "30d")",
        [=](Config& c, const SettingValue& value) {
          const auto given = duration_of(value);
          if (!given || *given < least || *given > most ||
              *given % kStep != std::chrono::milliseconds(0))
            return false;
          at(c) = std::chrono::duration_cast<Field>(*given);
          return true;
        },
        [at](const Config& c) { return quoted(format_duration(at(c))); });
  }

  template <class At>
  void endpoint(std::string key, const std::string& example, At at) {
    add(
        std::move(key), "ADDRESS:PORT, for example \"" + example + "\" or \"[::1]:8667\"",
        [at](Config& c, const SettingValue& value) {
          const auto given = parsed<Endpoint>(value);
          if (given) at(c) = *given;
          return given.has_value();
        },
        [at](const Config& c) { return quoted(at(c).to_string()); });
  }

  void add(std::string key, std::string expected,
           std::function<bool(Config&, const SettingValue&)> set,
           std::function<std::string(const Config&)> show) {
    settings_.push_back(
        {std::move(key), std::move(expected), std::move(set), std::move(show), false});
  }

  // Shown nowhere, neither in errors.
  void add_secret(std::string key, std::string expected,
                  std::function<bool(Config&, const SettingValue&)> set) {
    settings_.push_back({std::move(key), std::move(expected), std::move(set),
                         [](const Config&) { return std::string(); }, true});
  }

 private:
  std::vector<Setting> settings_;
};

}  // namespace lanrage::server
