// How good a path is, and which of two is better.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "path/candidate.hpp"

namespace lanrage::path {

// Exponentially weighted RTT, jitter and loss of one path.
class PathQuality {
 public:
  void on_reply(Duration rtt);
  void on_loss();

  std::optional<Duration> rtt() const { return rtt_; }
  std::optional<Duration> jitter() const { return jitter_; }
  double loss() const { return loss_; }  // 0 to 1
  std::uint32_t samples() const { return samples_; }
  bool measured() const { return samples_ >= 8; }  // enough for the loss to mean something

 private:
  void count(bool lost);

  std::optional<Duration> rtt_;
  std::optional<Duration> jitter_;
  double loss_ = 0;
  std::uint32_t samples_ = 0;
};

// Direct beats the relay, unless enough samples say that it loses clearly more.
bool may_use_direct(const PathQuality& direct, const PathQuality& relay);
// Leaving takes more evidence than not entering, so that a pair doesn't swing. A relay that nobody
// has measured is worth a try when three in five are lost there and back.
bool must_leave_direct(const PathQuality& direct, const PathQuality& relay);

// Between direct paths: RTT with a handicap by kind, and hysteresis. Host beats reflexive when
// their RTTs are about equal.
bool is_better_direct(CandidateKind challenger, const PathQuality& challenger_quality,
                      CandidateKind incumbent, const PathQuality& incumbent_quality);
// Between relays: 10 ms and a third less.
bool is_better_relay(std::optional<Duration> challenger, std::optional<Duration> incumbent);
// A pair takes the first relay that it has, before the others are measured; the one correction
// afterwards takes 5 ms and a tenth less.
bool corrects_first_relay(std::optional<Duration> challenger, std::optional<Duration> incumbent);
// Worth telling the peer: 5 ms and a quarter, which jitter doesn't make.
bool is_another_rtt(Duration told, Duration now);

}  // namespace lanrage::path
