#include "trust/record_fetch.hpp"

#include <algorithm>

namespace lanrage::trust {

RecordFetch::RecordFetch(Instant now, const HeadAt& after, const HeadAt& goal)
    : started_(now), after_(after), goal_(goal), position_(after) {
  wait(now);
}

void RecordFetch::wait(Instant now) {
  parts_left_ = kParts;
  deadline_ = now + kPatience * (1 << tries_);
}

bool RecordFetch::on_part(Instant now, const PartMessage& part) {
  if (state_ != State::going || part.index != position_.length || part.offset != partial_.size())
    return false;
  bytes_ += part.bytes.size();
  if (bytes_ > kMaxBytes) {
    state_ = State::failed;
    return false;
  }
  tries_ = 0;
  partial_.insert(partial_.end(), part.bytes.begin(), part.bytes.end());
  if (partial_.size() >= part.size) {
    position_ = {position_.length + 1, party::next_head(position_.head, partial_)};
    records_.push_back(std::move(partial_));
    partial_.clear();
    if (position_.length >= goal_.length) {
      // Else parts of two histories came together.
      state_ = position_ == goal_ ? State::done : State::failed;
      return false;
    }
  }
  const bool asked_up = --parts_left_ == 0;
  if (asked_up)
    wait(now);
  else
    deadline_ = now + kPatience;
  return asked_up;
}

bool RecordFetch::is_left(std::span<const HeadAt> heads) const {
  const auto differs = [&](const HeadAt& point) {
    return std::ranges::any_of(heads, [&](const HeadAt& head) {
      return head.length == point.length && head.head != point.head;
    });
  };
  return heads.front().length < goal_.length || differs(goal_) || differs(position_);
}

bool RecordFetch::on_timeout(Instant now) {
  if (state_ != State::going || now < deadline_) return false;
  if (++tries_ >= kTries) {
    state_ = State::failed;
    return false;
  }
  wait(now);
  return true;
}

}  // namespace lanrage::trust
