// Asks one member for the records that it has and we don't, a few parts at a time, and again for
// those that were lost on the way.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "trust/gossip_messages.hpp"

namespace lanrage::trust {

class RecordFetch {
 public:
  static constexpr int kParts = 16;  // answered to one request
  static constexpr Duration kPatience = std::chrono::milliseconds(300);
  static constexpr int kTries = 6;  // in a row without an answer, each twice as patient
  // What a member may make us hold before any of it is judged.
  static constexpr std::size_t kMaxBytes = std::size_t{16} * 1024 * 1024;

  enum class State { going, done, failed };

  // `after` is common to both; `goal` the other's whole log.
  RecordFetch(Instant now, const HeadAt& after, const HeadAt& goal);

  WantMessage want() const { return {position_, static_cast<std::uint32_t>(partial_.size())}; }
  // True when the next request is due.
  bool on_part(Instant now, const PartMessage& part);
  // True when the request is to be repeated.
  bool on_timeout(Instant now);
  Instant next_timeout() const { return deadline_; }
  // `heads`, which the sender says that it has now, are of another history than the one that it is
  // being asked for. False as well where they don't tell.
  bool is_left(std::span<const HeadAt> heads) const;

  State state() const { return state_; }
  Instant started() const { return started_; }
  const HeadAt& after() const { return after_; }
  const HeadAt& goal() const { return goal_; }
  std::vector<Bytes> take_records() { return std::move(records_); }

 private:
  void wait(Instant now);

  Instant started_;
  HeadAt after_;
  HeadAt goal_;
  HeadAt position_;  // of the whole records so far
  std::vector<Bytes> records_;
  std::size_t bytes_ = 0;
  Bytes partial_;
  int parts_left_ = kParts;  // of the request under way
  int tries_ = 0;
  Instant deadline_;
  State state_ = State::going;
};

}  // namespace lanrage::trust
