#include "path/switching.hpp"

#include <algorithm>

namespace lanrage::path {

void Switch::start(Instant now, const Plan& plan, std::optional<Instant> handshake,
                   std::uint64_t rx_bytes, Actions& out) {
  plan_ = plan;
  started_ = now;
  next_keepalive_ = now + tuning_.switch_keepalive;
  handshake_ = handshake;
  confirmed_.reset();
  rx_at_start_ = rx_bytes;
  rx_moved_ = false;
  if (filtered()) out.push_back(BlockRelayed{*plan.back, *plan.receiver_index, plan.to});
  out.push_back(SetEndpoint{plan.to});
  out.push_back(SendKeepalive{});
  out.push_back(ProbeTunnel{});
}

void Switch::on_peer_state(Instant now, Instant sent_at, PathState state) {
  if (!active() || plan_->to_relay || sent_at < started_) return;
  if (state != PathState::direct)
    confirmed_.reset();
  else if (!confirmed_)
    confirmed_ = now;
}

Switch::Outcome Switch::on_wireguard(Instant now, const std::optional<Endpoint>& endpoint,
                                     std::optional<Instant> handshake, std::uint64_t rx_bytes,
                                     Actions& out) {
  if (!active()) return Outcome::running;
  bool rekeyed = handshake && (!handshake_ || *handshake > *handshake_ + kHandshakeWobble);
  // To a relay a handshake is as good as anything else that comes.
  if (rekeyed && plan_->back_is_relay && !plan_->to_relay) return end(Outcome::rekeyed, out);
  // What comes on the new path alone counts: late packets of the old one come as well at first.
  const bool may_be_late = plan_->to_relay
                               ? filtered() && now - started_ < tuning_.switch_settles
                               : !confirmed_ || now - *confirmed_ < tuning_.switch_settles / 2;
  if (may_be_late) rx_at_start_ = rx_bytes;
  rx_moved_ = rx_moved_ || rx_bytes > rx_at_start_;
  if (endpoint && *endpoint != plan_->to) {
    if (filtered()) return end(Outcome::reverted, out);
    // Without a filter that is to be expected; in a quiet moment it stays.
    if (now - started_ >= limit()) return end(Outcome::reverted, out);
    confirmed_.reset();
    if (plan_->to_relay) {  // what came was of the old path
      rx_at_start_ = rx_bytes;
      rx_moved_ = false;
    }
    out.push_back(SetEndpoint{plan_->to});
  } else if (plan_->to_relay && rx_moved_ && !confirmed_) {
    confirmed_ = now;
  }
  return judge(now, out);
}

Switch::Outcome Switch::judge(Instant now, Actions& out) {
  bool settled = confirmed_ && now - *confirmed_ >= tuning_.switch_settles;
  if (settled && rx_moved_ && now - started_ >= tuning_.switch_keepalives_for)
    return end(Outcome::done, out);
  // A confirmation in time may settle afterwards.
  Instant last = started_ + limit();
  if (confirmed_) last = std::max(last, *confirmed_ + 2 * tuning_.switch_settles);
  if (now < last) return Outcome::running;
  return end(confirmed_ ? Outcome::silent : Outcome::no_confirmation, out);
}

Switch::Outcome Switch::on_timeout(Instant now, Actions& out) {
  if (!active()) return Outcome::running;
  if (now >= next_keepalive_) {
    out.push_back(SendKeepalive{});
    out.push_back(ProbeTunnel{});  // the peer has to send something back
    next_keepalive_ = now + tuning_.switch_keepalive;
  }
  return judge(now, out);
}

Switch::Outcome Switch::end(Outcome outcome, Actions& out) {
  if (outcome != Outcome::done && plan_->back) out.push_back(SetEndpoint{*plan_->back});
  cancel(out);
  return outcome;
}

void Switch::cancel(Actions& out) {
  if (filtered()) out.push_back(UnblockRelayed{});
  plan_.reset();
}

std::optional<Instant> Switch::next_timeout() const {
  if (!active()) return std::nullopt;
  return next_keepalive_;
}

}  // namespace lanrage::path
