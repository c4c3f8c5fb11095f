// Reading a command's arguments: the first that is missing or of the wrong type is the answer.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/wiped.hpp"

namespace lanrage::agent {

enum class ApiErrc { malformed_request, unknown_command };
constexpr std::string_view name_of(ApiErrc errc) {
  return errc == ApiErrc::malformed_request ? "malformed_request" : "unknown_command";
}

class Arguments {
 public:
  explicit Arguments(const boost::json::object& object) : object_(object) {}

  std::string text(std::string_view key) {
    auto value = optional_text(key);
    if (!value && !error_) error_ = wrong(key, "is missing");
    return value.value_or("");
  }
  WipedString secret(std::string_view key) {
    const auto value = optional_view(key);
    if (!value && !error_) error_ = wrong(key, "is missing");
    return WipedString(value.value_or(""));
  }
  std::optional<std::string> optional_text(std::string_view key) {
    const auto value = optional_view(key);
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }
  std::int64_t number(std::string_view key, std::int64_t fallback, std::int64_t least,
                      std::int64_t most) {
    const auto* value = object_.if_contains(key);
    if (value == nullptr || value->is_null()) return fallback;
    boost::system::error_code bad;
    const auto number = value->to_number<std::int64_t>(bad);
    if (!bad && number >= least && number <= most) return number;
    if (!error_)
      error_ = wrong(key, "must be a whole number from " + std::to_string(least) + " to " +
                              std::to_string(most));
    return fallback;
  }
  bool flag(std::string_view key) {
    const auto* value = object_.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
  }
  void refuse(std::string_view key, const std::string& why) {
    if (!error_) error_ = wrong(key, why);
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  std::optional<std::string_view> optional_view(std::string_view key) {
    const auto* value = object_.if_contains(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (value->is_string()) return value->get_string();
    if (!error_) error_ = wrong(key, "must be text");
    return std::nullopt;
  }
  static Error wrong(std::string_view key, const std::string& why) {
    return Error(ApiErrc::malformed_request, std::string(key) + " " + why, std::string(key));
  }

  const boost::json::object& object_;
  std::optional<Error> error_;
};

}  // namespace lanrage::agent
