// What follows from what a PeerPath knows.
#include <algorithm>
#include <utility>

#include "path/peer_path_impl.hpp"

namespace lanrage::path {

PeerPath::Impl::Where PeerPath::Impl::where() const {
  if (!view_.endpoint) return Where::none;
  if (std::ranges::find(known_relays_, *view_.endpoint) != known_relays_.end()) return Where::relay;
  const DirectPath* path = checks_.find(*view_.endpoint);
  return path && path->checked() ? Where::direct : Where::unknown;
}

bool PeerPath::Impl::has_session(Instant now) const {
  if (!view_.latest_handshake) return false;
  if (now - *view_.latest_handshake > config_.tuning.session_life) return false;
  if (!distrusted_ || *view_.latest_handshake > *distrusted_) return true;
  // The initiator's new handshake may have overtaken the news that made us distrust the old one.
  return !initiator_ && rx_moved_ > *distrusted_;
}

PathState PeerPath::Impl::own_state(Instant now) const {
  if (!has_session(now)) return PathState::none;
  switch (where()) {
    case Where::relay:
      return PathState::relay;
    case Where::direct:
      return PathState::direct;
    default:
      return PathState::none;
  }
}

const RelayBinding* PeerPath::Impl::relay_at(const Endpoint& endpoint) const {
  if (!local_) return nullptr;
  auto it = std::ranges::find(local_->relays, endpoint, &RelayBinding::endpoint);
  return it == local_->relays.end() ? nullptr : &*it;
}

std::vector<PeerPath::Impl::CommonRelay> PeerPath::Impl::common_relays() const {
  std::vector<CommonRelay> out;
  if (!local_ || !remote_) return out;
  for (const RelayBinding& binding : local_->relays) {
    auto theirs = std::ranges::find(remote_->relays, binding.id, &SignalRelay::id);
    if (theirs == remote_->relays.end()) continue;
    std::optional<Duration> rtt;
    if (binding.rtt && theirs->rtt) rtt = *binding.rtt + *theirs->rtt;
    out.push_back({binding, rtt});
  }
  return out;
}

const DirectPath* PeerPath::Impl::best_direct(Instant now,
                                              std::optional<Endpoint> other_than) const {
  const DirectPath* best = nullptr;
  for (const DirectPath& path : checks_.paths()) {
    if (path.candidate.endpoint == other_than || now < path.avoid_until) continue;
    if (!checks_.is_valid(now, path) || !may_use_direct(path.quality, relay_quality_)) continue;
    if (!best ||
        is_better_direct(path.candidate.kind, path.quality, best->candidate.kind, best->quality))
      best = &path;
  }
  return best;
}

void PeerPath::Impl::absorb(const Actions& out, std::size_t first) {
  for (std::size_t i = first; i < out.size(); ++i) {
    if (const auto* set = std::get_if<SetEndpoint>(&out[i])) {
      view_.endpoint = set->endpoint;
    } else if (const auto* replaced = std::get_if<ReplacePeer>(&out[i])) {
      view_ = {};
      view_.endpoint = replaced->endpoint;
      index_.forget();
      traffic_ = {};
      forgotten_by_relay_.reset();
      ++counters_.peers_replaced;
    }
  }
}

void PeerPath::Impl::decide(Instant now, Actions& out) {
  wake_.reset();
  note_session(now, out);
  note_place(now, out);
  wait_for_routes(now, out);
  if (!has_session(now)) {
    connect(now, out);
  } else if (!switch_.active()) {
    switch (where()) {
      case Where::relay:
        improve_relayed(now, out);
        break;
      case Where::direct:
        guard_direct(now, out);
        break;
      case Where::unknown:
        question_endpoint(now, out);
        break;
      case Where::none:
        break;
    }
  }
  checks_.set_state(own_state(now));
  note_loss(now);
  probe_silence(now, out);
  tell_routes(now, out);
  watch(now);
  poll_rate(now, out);
  tell_guesses(now);
  schedule_signal(now, out);
  report(now, out);
}

void PeerPath::Impl::note_session(Instant now, Actions& out) {
  bool session = has_session(now);
  if (session) {
    connector_.on_session();
    if (view_.latest_handshake)
      wake(*view_.latest_handshake + config_.tuning.session_life + std::chrono::milliseconds(1));
  } else if (had_session_) {
    if (switch_.active()) switch_.cancel(out);
    began_ = now;
    std::size_t first = out.size();
    // Only an expired session is certainly gone on both sides.
    bool expired =
        view_.latest_handshake && now - *view_.latest_handshake > config_.tuning.session_life;
    connector_.on_lapse(expired, out);
    absorb(out, first);
  }
  had_session_ = session;
}

void PeerPath::Impl::note_place(Instant now, Actions& out) {
  if (switch_.active()) return;  // WireGuard's endpoint runs ahead of what is certain
  Where place = has_session(now) ? where() : Where::none;
  if (place == last_where_ && view_.endpoint == last_place_) {
    if (roam_keepalives_ > 0 && now >= next_roam_keepalive_) {
      --roam_keepalives_;
      next_roam_keepalive_ = now + config_.tuning.switch_keepalive;
      out.push_back(SendKeepalive{});
    }
    if (roam_keepalives_ > 0) wake(next_roam_keepalive_);
    return;
  }
  bool same_kind = place == last_where_;
  const bool on_purpose = std::exchange(left_on_purpose_, false);
  if (last_where_ == Where::direct && place == Where::relay && initiator_ && last_place_ &&
      !on_purpose) {
    // We didn't ask for it. Soon after the switch: packets of a filter that was lifted too early.
    // Later: the other side hears nothing on that path, which must prove itself anew.
    if (now - place_since_ < config_.tuning.revert_suspected)
      last_failure_ = Switch::Outcome::reverted;
    if (DirectPath* path = checks_.find(*last_place_)) path->failed = now;
    avoid(now, *last_place_, {});
    checks_.punch(now);
  }
  if (!initiator_) {
    // The switcher waits for a packet of ours on the new path, and we may have nothing to say. By
    // the relay once: it turns persistent keepalive on, which nobody did while we had no endpoint.
    roam_keepalives_ = place == Where::direct ? kRoamKeepalives : place == Where::relay ? 1 : 0;
    next_roam_keepalive_ = now;
    if (roam_keepalives_ > 0) wake(now);
  }
  if (!same_kind) tunnel_quality_ = {};
  lost_probes_ = 0;
  if (place != Where::unknown) unknown_since_.reset();
  if (place == Where::relay || place == Where::direct) good_endpoint_ = view_.endpoint;
  last_where_ = place;
  last_place_ = view_.endpoint;
  place_since_ = now;
}

void PeerPath::Impl::connect(Instant now, Actions& out) {
  relay_corrected_ = false;
  Connector::Means means;
  if (both_ready()) {
    if (auto relay = best_relay(now)) means.relay = relay->binding.endpoint;
    if (const DirectPath* path = best_direct(now, std::nullopt))
      means.direct = path->candidate.endpoint;
  }
  std::size_t first = out.size();
  auto failed = connector_.drive(now, means, rx_moved_, out);
  absorb(out, first);
  if (failed && checks_.find(*failed)) {
    last_failure_ = Switch::Outcome::silent;
    avoid(now, *failed, {});
  } else if (failed) {
    avoid_relay(now, *failed, config_.tuning.avoid_silent_relay);
  }
  if (auto next = connector_.next_timeout()) wake(*next);
}

void PeerPath::Impl::start_switch(Instant now, const DirectPath& to, Actions& out) {
  const Tuning& tuning = config_.tuning;
  bool relayed = where() == Where::relay;
  // Right after a handshake packets of the session before may be on their way, and the copy of the
  // handshake packet that tells the index may not have come yet.
  if (view_.latest_handshake && now < *view_.latest_handshake + tuning.index_settles)
    return wake(*view_.latest_handshake + tuning.index_settles);
  Switch::Plan plan{to.candidate.endpoint, view_.endpoint, relayed, false, std::nullopt};
  if (relayed && config_.packet_filter) plan.receiver_index = index_.own();
  // Never back to a dead one.
  const DirectPath* from = relayed ? nullptr : checks_.find(*view_.endpoint);
  if (const auto relay = best_relay(now); relay && from && from->failed)
    if (!from->works(now, tuning.validity)) plan.back = relay->binding.endpoint;
  if (relayed && !plan.receiver_index) {
    bool may_replace =
        !replaced_to_switch_ || now - *replaced_to_switch_ >= tuning.replace_to_switch_every;
    if (unfiltered_failures_ >= tuning.unfiltered_attempts && may_replace) {
      // Late packets of a session that no longer exists move nothing.
      replaced_to_switch_ = now;
      unfiltered_failures_ = 0;
      return replace(now, to.candidate.endpoint, out);
    }
    ++counters_.switches_unfiltered;
  }
  ++counters_.switches_started;
  std::size_t first = out.size();
  switch_.start(now, plan, view_.latest_handshake, view_.rx_bytes, out);
  absorb(out, first);
}

void PeerPath::Impl::run_switch(Instant now, Actions& out,
                                const std::function<Switch::Outcome(Actions&)>& step) {
  if (!switch_.active()) return;
  Switch::Plan plan = switch_.plan();
  std::size_t first = out.size();
  Switch::Outcome outcome = step(out);
  absorb(out, first);
  if (outcome == Switch::Outcome::running) return;
  if (plan.to_relay) return note_reroute(now, plan, outcome, out);
  if (outcome == Switch::Outcome::done) {
    ++counters_.switches_done;
    last_failure_.reset();
    unfiltered_failures_ = 0;
    return;
  }
  last_failure_ = outcome;
  bool doubtful = plan.receiver_index && outcome == Switch::Outcome::reverted;
  if (doubtful) index_.doubt();
  if (plan.back_is_relay && (doubtful || !plan.receiver_index)) ++unfiltered_failures_;
  DirectPath* path = checks_.find(plan.to);
  if (outcome == Switch::Outcome::rekeyed && path)
    path->avoid_until = now + config_.tuning.first_backoff;  // bad luck, not a bad path
  else
    avoid(now, plan.to, {});
}

void PeerPath::Impl::avoid(Instant now, const Endpoint& endpoint, Duration at_least) {
  DirectPath* path = checks_.find(endpoint);
  if (!path) return;
  const Tuning& tuning = config_.tuning;
  path->backoff = std::clamp(std::max(path->backoff * 2, at_least), tuning.first_backoff,
                             tuning.longest_backoff);
  path->avoid_until = now + path->backoff;
}

void PeerPath::Impl::replace(Instant now, const Endpoint& target, Actions& out) {
  std::size_t first = out.size();
  had_session_ = false;
  began_ = now;
  connector_.replace(now, target, out);
  absorb(out, first);
  connect(now, out);
}

void PeerPath::Impl::distrust_session(Instant now, Actions& out) {
  if (!has_session(now)) return;
  distrusted_ = now;
  note_session(now, out);
}

void PeerPath::Impl::question_endpoint(Instant now, Actions& out) {
  if (!unknown_since_) unknown_since_ = now;
  checks_.ask(now, *view_.endpoint);
  if (!good_endpoint_) return;
  Instant limit = *unknown_since_ + config_.tuning.unknown_endpoint_grace;
  if (now < limit) return wake(limit);
  unknown_since_.reset();
  ++counters_.endpoints_set_back;
  out.push_back(SetEndpoint{*good_endpoint_});
  view_.endpoint = good_endpoint_;
}

void PeerPath::Impl::watch(Instant now) {
  const Tuning& tuning = config_.tuning;
  if (switch_.active() && !switch_.plan().to_relay)
    checks_.watch(now, switch_.plan().to, tuning.switch_keepalive);
  else if (has_session(now) && where() == Where::direct)
    checks_.watch(now, view_.endpoint,
                  suspicious(now)   ? tuning.silent_keepalive
                  : traffic_.busy() ? tuning.busy_keepalive
                  : lossy_          ? std::min(tuning.lossy_keepalive, pace_.interval())
                                    : pace_.interval());
  else if (const DirectPath* lossy = initiator_ && has_session(now) ? lossy_direct(now) : nullptr)
    checks_.watch(now, lossy->candidate.endpoint, tuning.lossy_recheck);
  else
    checks_.watch(now, std::nullopt, {});
}

void PeerPath::Impl::tell_routes(Instant now, Actions& out) {
  auto indexes = index_.peer_indexes(now, config_.tuning.session_life);
  if (indexes == routes_told_) return;
  routes_told_ = indexes;
  out.push_back(SetRoutes{std::move(indexes)});
}

void PeerPath::Impl::poll_rate(Instant now, Actions& out) {
  bool fast = switch_.active() || forgotten_by_relay_ || suspicious(now) || must_look(now);
  std::optional<Instant> until;
  if (!has_session(now)) {
    // A handshake can come at any moment; but don't burn power on a peer that isn't there.
    if (both_ready() && began_) until = *began_ + config_.tuning.fast_poll_for;
  } else if (where() == Where::unknown) {
    fast = true;
  } else if (where() == Where::relay && !initiator_ && last_check_heard_) {
    // The other side checks often while it switches, and waits for us to notice.
    until = *last_check_heard_ + std::chrono::seconds(1);
  }
  if (until && now < *until) {
    fast = true;
    wake(*until);
  }
  if (fast == fast_) return;
  fast_ = fast;
  out.push_back(WantFastPoll{fast});
}

}  // namespace lanrage::path
