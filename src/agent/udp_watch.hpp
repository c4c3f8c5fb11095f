// Whether UDP gets out to the services that a party's server names, and back: by who answers.
#pragma once

#include <optional>

#include "base/time.hpp"

namespace lanrage::agent {

class UdpWatch {
 public:
  // All have answered by then who will: a probe asks each four times within less.
  static constexpr Duration kAnsweredBy = std::chrono::milliseconds(2'500);

  // All services were asked.
  void on_asked(Instant now) {
    if (!asked_) asked_ = now;
  }
  // By any of them, to whatever question.
  void on_answer() {
    asked_.reset();
    works_ = worked_ = true;
  }
  void on_timeout(Instant now) {
    if (asked_ && now >= *asked_ + kAnsweredBy) works_ = false;
  }
  std::optional<Instant> next_timeout() const {
    if (!asked_ || works_ == false) return std::nullopt;
    return *asked_ + kAnsweredBy;
  }
  // Another network: what was known is of the one before.
  void restart() { *this = {}; }

  // Nothing while that isn't known yet.
  std::optional<bool> works() const { return works_; }
  // Nobody has answered yet since all were asked.
  bool asking() const { return asked_.has_value(); }
  // When it doesn't work: since when nobody answers.
  std::optional<Instant> silent_since() const { return works_ == false ? asked_ : std::nullopt; }
  bool worked_before() const { return worked_; }

 private:
  std::optional<Instant> asked_;  // the first time that nobody has answered since
  std::optional<bool> works_;
  bool worked_ = false;
};

}  // namespace lanrage::agent
