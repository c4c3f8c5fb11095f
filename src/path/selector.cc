#include "path/selector.hpp"

#include <algorithm>

namespace lanrage::path {
namespace {

using std::chrono::milliseconds;

constexpr int kRttWeight = 8;  // RFC 6298: 1/8 for the RTT, 1/4 for its variation
constexpr int kJitterWeight = 4;
constexpr double kLossWeight = 24;  // the loss of about the last 24 samples

constexpr double kEnterMargin = 0.15;
constexpr std::uint32_t kLeaveSamples = 24;
constexpr double kLeaveMargin = 0.35;
constexpr double kHopelessLoss = 0.6;

constexpr std::uint32_t kBetterSamples = 3;
constexpr milliseconds kBetterDirect(2);
constexpr milliseconds kBetterRelay(10);
constexpr milliseconds kCorrection(5);
constexpr milliseconds kAnotherRtt(5);

// What a path of that kind must be faster by to count as equal to a host path: fewer boxes on the
// way keep state for it.
milliseconds handicap(CandidateKind kind) {
  switch (kind) {
    case CandidateKind::host:
      return milliseconds(0);
    case CandidateKind::mapped:
      return milliseconds(3);
    case CandidateKind::server_reflexive:
    case CandidateKind::peer_reflexive:
      return milliseconds(4);
    case CandidateKind::guessed:
      return milliseconds(5);
  }
  return milliseconds(5);
}

bool is_less_by_a_third(Duration challenger, Duration incumbent) {
  return 3 * challenger <= 2 * incumbent;
}

}  // namespace

void PathQuality::on_reply(Duration rtt) {
  if (!rtt_) {
    rtt_ = rtt;
    jitter_ = rtt / 2;
  } else {
    Duration deviation = std::chrono::abs(rtt - *rtt_);
    *jitter_ += (deviation - *jitter_) / kJitterWeight;
    *rtt_ += (rtt - *rtt_) / kRttWeight;
  }
  count(false);
}

void PathQuality::on_loss() {
  count(true);
}

void PathQuality::count(bool lost) {
  ++samples_;
  // The plain mean at first: one lost packet of two says little, but isn't 1/24 either.
  double weight = std::max(1.0 / samples_, 1.0 / kLossWeight);
  loss_ += ((lost ? 1.0 : 0.0) - loss_) * weight;
}

bool may_use_direct(const PathQuality& direct, const PathQuality& relay) {
  if (!direct.measured() || !relay.measured()) return true;
  return direct.loss() <= relay.loss() + kEnterMargin;
}

bool must_leave_direct(const PathQuality& direct, const PathQuality& relay) {
  if (direct.samples() < kLeaveSamples) return false;
  if (!relay.measured()) return direct.loss() > kHopelessLoss;
  return direct.loss() > relay.loss() + kLeaveMargin;
}

bool is_better_direct(CandidateKind challenger, const PathQuality& challenger_quality,
                      CandidateKind incumbent, const PathQuality& incumbent_quality) {
  if (challenger_quality.samples() < kBetterSamples || !challenger_quality.rtt() ||
      challenger_quality.loss() > incumbent_quality.loss() + kEnterMargin)
    return false;
  if (!incumbent_quality.rtt()) return true;
  Duration ours = *challenger_quality.rtt() + handicap(challenger);
  Duration theirs = *incumbent_quality.rtt() + handicap(incumbent);
  return ours + kBetterDirect <= theirs && is_less_by_a_third(ours, theirs);
}

bool is_better_relay(std::optional<Duration> challenger, std::optional<Duration> incumbent) {
  if (!challenger) return false;
  if (!incumbent) return true;
  return *challenger + kBetterRelay <= *incumbent && is_less_by_a_third(*challenger, *incumbent);
}

bool corrects_first_relay(std::optional<Duration> challenger, std::optional<Duration> incumbent) {
  if (!challenger) return false;
  if (!incumbent) return true;
  return *challenger + kCorrection <= *incumbent && 10 * *challenger <= 9 * *incumbent;
}

bool is_another_rtt(Duration told, Duration now) {
  const Duration change = std::chrono::abs(now - told);
  return change >= kAnotherRtt && 4 * change >= told;
}

}  // namespace lanrage::path
