// Errors are values. Each module names what can go wrong in its own `enum class Errc` and gives it
// a `constexpr std::string_view name_of(Errc)`: the stable snake_case name that users and the wire
// see.
#pragma once

#include <concepts>
#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lanrage {

template <class E>
concept ErrorEnum = std::is_enum_v<E> && requires(E e) {
  { name_of(e) } -> std::convertible_to<std::string_view>;
};

class Error {
 public:
  // `message` says what is wrong and what to do, for a person; `field` names the offending input.
  template <ErrorEnum E>
  Error(E value, std::string message, std::string field = {})
      : domain_(&kDomain<E>),
        value_(static_cast<int>(value)),
        code_(name_of(value)),
        message_(std::move(message)),
        field_(std::move(field)) {}

  template <ErrorEnum E>
  bool is(E value) const {
    return domain_ == &kDomain<E> && value_ == static_cast<int>(value);
  }

  // The same error, with its place said before the message: "record 3 of the log: ...".
  Error with_context(std::string_view place) const {
    Error out = *this;
    out.message_ = std::string(place) + ": " + message_;
    return out;
  }

  // The same error, with something else to do behind the message: "...; or try another".
  Error with_advice(std::string_view advice) const {
    Error out = *this;
    out.message_ += "; ";
    out.message_ += advice;
    return out;
  }

  std::string_view code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& field() const { return field_; }

 private:
  template <class E>
  static inline const char kDomain{};  // its address tells one module's enum from another's

  const char* domain_;
  int value_;
  std::string_view code_;
  std::string message_;
  std::string field_;
};

template <class T>
using Result = std::expected<T, Error>;

template <ErrorEnum E>
std::unexpected<Error> fail(E value, std::string message, std::string field = {}) {
  return std::unexpected(Error(value, std::move(message), std::move(field)));
}

}  // namespace lanrage
