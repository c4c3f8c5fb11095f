// What the control loop counts. Plain numbers without locks: everything here belongs to the loop's
// thread. Labels are drawn from fixed or bounded sets, never from what a client sends.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "server/exposition.hpp"

namespace lanrage::server {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_ += n; }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

// How long something took: from 50 us to 10 s.
class LatencyHistogram {
 public:
  static constexpr std::array<double, 16> kBounds{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                                  0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                                  0.5,     1,      2.5,     10};  // seconds
  void observe(Duration took);
  std::uint64_t count() const;
  void write(Exposition& out, Exposition::Labels labels) const;

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
};

enum class Resumed { nothing, journal, snapshot };  // what a resuming client was sent
enum class Removed { tokens, relays, parties, signals, offline };
enum class RateLimit {
  address,
  registrations,
  words,
  peer,
  messages,
  signals,
  creations,
  updates,
  keys,
  handed_back
};
enum class SignalFate { delivered, queued, refused, displaced };  // the last: by newer ones

// Values by a name out of a program's own words (an error's code, a command's name): found by
// comparing, so few; beyond kMost everything counts as "other".
template <class Value>
class ByName {
 public:
  static constexpr std::size_t kMost = 64;

  // `name` must live for ever (a literal). The reference stays good.
  Value& operator[](std::string_view name) {
    for (auto& [known, value] : entries_)
      if (known == name) return value;
    if (entries_.size() >= kMost) name = "other";
    if (entries_.size() > kMost) return entries_.back().second;
    return entries_.emplace_back(name, Value{}).second;
  }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::deque<std::pair<std::string_view, Value>> entries_;
};

class Metrics {
 public:
  using RouteId = std::size_t;
  static constexpr RouteId kNoRoute = 0;  // no pattern fits the path

  explicit Metrics(std::string version);

  // Once for each route, at start. `pattern` as in the routes' table, such as "/parties/{id}".
  RouteId add_route(std::string_view method, std::string_view pattern);
  void answered(RouteId route, int status);

  void resumed(Resumed how) { ++resumed_[static_cast<std::size_t>(how)]; }
  void removed(Removed what, std::uint64_t n = 1) { removed_[static_cast<std::size_t>(what)] += n; }
  void rate_limited(RateLimit limit) { ++rate_limited_[static_cast<std::size_t>(limit)]; }
  void signal(SignalFate fate) { ++signals_[static_cast<std::size_t>(fate)]; }
  // `code` of the error that a caller was told, over either transport.
  void refused(std::string_view code) { refused_[code].add(); }

  ByName<LatencyHistogram> command_seconds;  // from request to durable answer, by command
  ByName<Counter> websocket_messages;        // received, by type
  Counter events;                            // committed
  Counter prover_overflows;                  // commands whose signatures the loop had to check
  Counter divergences;                       // heartbeats whose digest wasn't ours
  Counter queue_overflows;                   // slow clients whose queue was replaced by a snapshot
  Counter sessions_refused;                  // upgrades turned away by admission control

  // Called for each exposition, on the loop's thread: for what others count (stores, relays,
  // sizes of tables). What a source refers to must outlive its last exposition.
  void add_source(std::function<void(Exposition&)> source);

  // The whole exposition.
  std::string text() const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::pair<int, std::uint64_t>> by_status;
  };

  std::string version_;
  std::vector<Route> routes_;
  std::array<std::uint64_t, 3> resumed_{};
  std::array<std::uint64_t, 5> removed_{};
  std::array<std::uint64_t, 10> rate_limited_{};
  std::array<std::uint64_t, 4> signals_{};
  ByName<Counter> refused_;
  std::vector<std::function<void(Exposition&)>> sources_;
};

}  // namespace lanrage::server
