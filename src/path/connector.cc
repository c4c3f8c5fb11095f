#include "path/connector.hpp"

#include <algorithm>

namespace lanrage::path {

void Connector::on_session() {
  attempt_.reset();
  could_since_.reset();
  next_.reset();
  retry_ = {};
  failures_ = 0;
  used_ = true;
}

void Connector::on_lapse(bool expired, Actions& out) {
  on_session();
  // Else our WireGuard and the initiator's would start handshakes at the same time.
  if (!initiator_ && expired) out.push_back(ReplacePeer{});
}

void Connector::begin(Instant now, const Endpoint& target, Actions& out) {
  if (used_)
    out.push_back(ReplacePeer{target});
  else
    out.push_back(SetEndpoint{target});
  used_ = true;
  attempt_ = {target, now};
}

void Connector::replace(Instant now, const Endpoint& target, Actions& out) {
  used_ = true;
  retry_ = tuning_.handshake_retry;
  begin(now, target, out);
}

void Connector::hurry(const Endpoint& target) {
  if (!initiator_ || !attempt_ || attempt_->target != target) return;
  retry_ = {};
  failures_ = 0;
}

// A handshake that is under way is given its time.
void Connector::hurry() {
  if (!initiator_ || !attempt_ || retry_ <= tuning_.handshake_retry) return;
  retry_ = tuning_.handshake_retry;
  failures_ = 0;
}

std::optional<Endpoint> Connector::drive(Instant now, const Means& means, Instant received,
                                         Actions& out) {
  next_.reset();
  if (initiator_) return initiate(now, means, out);
  stand_by(now, means, received, out);
  return std::nullopt;
}

std::optional<Endpoint> Connector::initiate(Instant now, const Means& means, Actions& out) {
  if (!means.any()) return std::nullopt;
  if (!attempt_) {
    retry_ = tuning_.handshake_retry;
    begin(now, means.direct ? *means.direct : *means.relay, out);
    next_ = now + retry_;
    return std::nullopt;
  }
  std::optional<Endpoint> failed;
  Instant head_start_over = attempt_->at + tuning_.relay_head_start;
  bool gone = attempt_->target != means.relay && attempt_->target != means.direct;
  bool direct_now = means.direct && attempt_->target == means.relay;
  if ((gone || direct_now) && now >= head_start_over) {
    begin(now, means.direct ? *means.direct : *means.relay, out);
  } else if (now >= attempt_->at + retry_) {
    failed = attempt_->target;
    bool relay_next = means.relay && (!means.direct || failed == means.direct);
    if (++failures_ >= tuning_.quick_handshake_retries)
      retry_ = std::min(retry_ * 2, tuning_.longest_handshake_retry);
    retry_ = std::max(retry_, tuning_.handshake_retry);
    begin(now, relay_next ? *means.relay : *means.direct, out);
  }
  next_ = attempt_->at + retry_;
  if (gone || direct_now) next_ = std::min(*next_, std::max(now, head_start_over));
  return failed;
}

void Connector::stand_by(Instant now, const Means& means, Instant received, Actions& out) {
  if (!means.any()) {
    could_since_.reset();
    return;
  }
  auto random_part = [&] {
    return Duration(
        random_->below(static_cast<std::uint64_t>(tuning_.passive_wait_random.count()) + 1));
  };
  if (!could_since_) {
    could_since_ = now;
    if (retry_ == Duration{}) retry_ = tuning_.passive_wait;
    wait_ = retry_ + random_part();
  }
  if (!attempt_) {
    next_ = std::max(*could_since_, received) + wait_;
    if (now < *next_) return;
    begin(now, means.direct ? *means.direct : *means.relay, out);
  }
  next_ = std::max(attempt_->at, received) + tuning_.passive_attempt;
  if (now < *next_) return;
  // Both tries may have collided: be passive again, for longer.
  out.push_back(ReplacePeer{});
  attempt_.reset();
  retry_ = std::min(retry_ * 2, tuning_.longest_handshake_retry);
  could_since_ = now;
  wait_ = retry_ + random_part();
  next_ = now + wait_;
}

}  // namespace lanrage::path
