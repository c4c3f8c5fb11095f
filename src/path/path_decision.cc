// What follows from what a PeerPath knows.
#include <algorithm>

#include "path/peer_path_impl.hpp"

namespace lanrage::path {
namespace {

constexpr int kRoamKeepalives = 5;  // one is enough; the network may lose some

}  // namespace

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

std::optional<PeerPath::Impl::CommonRelay> PeerPath::Impl::best_relay() const {
  auto common = common_relays();
  // Unmeasured ones last; equal ones by id, so that both sides and every run choose alike.
  auto best = std::ranges::min_element(common, {}, [](const CommonRelay& relay) {
    return std::pair(relay.rtt.value_or(Duration::max()), relay.binding.id);
  });
  if (best == common.end()) return std::nullopt;
  return *best;
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
      ++counters_.peers_replaced;
    }
  }
}

void PeerPath::Impl::decide(Instant now, Actions& out) {
  wake_.reset();
  note_session(now, out);
  note_place(now, out);
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
  watch(now);
  poll_rate(now, out);
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
  if (last_where_ == Where::direct && place == Where::relay && initiator_ && last_place_) {
    // Nobody asked for it: packets of a filter that was lifted too early.
    last_failure_ = Switch::Outcome::reverted;
    avoid(now, *last_place_, {});
  }
  if (!initiator_) {
    // The switcher waits for a packet of ours on the new path, and we may have nothing to say. By
    // the relay once: it turns persistent keepalive on, which nobody did while we had no endpoint.
    roam_keepalives_ = place == Where::direct ? kRoamKeepalives : place == Where::relay ? 1 : 0;
    next_roam_keepalive_ = now;
    if (roam_keepalives_ > 0) wake(now);
  }
  if (!same_kind) {
    tunnel_quality_ = {};
    lost_probes_ = 0;
  }
  if (place != Where::unknown) unknown_since_.reset();
  if (place == Where::relay || place == Where::direct) good_endpoint_ = view_.endpoint;
  last_where_ = place;
  last_place_ = view_.endpoint;
  place_since_ = now;
}

void PeerPath::Impl::connect(Instant now, Actions& out) {
  Connector::Means means;
  if (both_ready()) {
    if (auto relay = best_relay()) means.relay = relay->binding.endpoint;
    if (const DirectPath* path = best_direct(now, std::nullopt))
      means.direct = path->candidate.endpoint;
  }
  std::size_t first = out.size();
  auto failed = connector_.drive(now, means, rx_moved_, out);
  absorb(out, first);
  if (failed && checks_.find(*failed)) {
    last_failure_ = Switch::Outcome::silent;
    avoid(now, *failed, {});
  }
  if (auto next = connector_.next_timeout()) wake(*next);
}

void PeerPath::Impl::improve_relayed(Instant now, Actions& out) {
  if (!initiator_) return;
  const Tuning& tuning = config_.tuning;
  bool silent = lost_probes_ >= tuning.lost_tunnel_probes &&
                now - std::max(rx_moved_, place_since_) >= tuning.probes_silent;
  if (silent || now - std::max(rx_moved_, place_since_) >= tuning.wireguard_silent) {
    distrust_session(now, out);
    return connect(now, out);
  }
  change_relay(now, out);
  if (!has_session(now)) return;
  const DirectPath* best = best_direct(now, std::nullopt);
  for (const DirectPath& path : checks_.paths())
    if (now < path.avoid_until) wake(path.avoid_until);
  if (best) start_switch(now, *best, out);
}

void PeerPath::Impl::change_relay(Instant now, Actions& out) {
  auto best = best_relay();
  if (!best || best->binding.endpoint == view_.endpoint) return;
  auto common = common_relays();
  auto current = std::ranges::find_if(
      common, [&](const CommonRelay& relay) { return relay.binding.endpoint == view_.endpoint; });
  if (current != common.end()) {
    if (!is_better_relay(best->rtt, current->rtt)) return;
    if (relay_changed_ && now - *relay_changed_ < config_.tuning.relay_change_every) return;
  }
  // The other relay doesn't know the session.
  relay_changed_ = now;
  relay_quality_ = {};
  replace(now, best->binding.endpoint, out);
}

void PeerPath::Impl::start_switch(Instant now, const DirectPath& to, Actions& out) {
  const Tuning& tuning = config_.tuning;
  bool relayed = where() == Where::relay;
  // Right after a handshake packets of the session before may be on their way, and the copy of the
  // handshake packet that tells the index may not have come yet.
  if (view_.latest_handshake && now < *view_.latest_handshake + tuning.index_settles)
    return wake(*view_.latest_handshake + tuning.index_settles);
  Switch::Plan plan{to.candidate.endpoint, view_.endpoint, relayed, std::nullopt};
  if (relayed && config_.packet_filter) plan.receiver_index = index_.own();
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

PeerPath::Impl::Quiet PeerPath::Impl::quiet_on_direct(Instant now, const DirectPath& path) const {
  Instant answered = path.answered ? std::max(*path.answered, place_since_) : place_since_;
  return {now - answered, now - std::max(rx_moved_, place_since_)};
}

void PeerPath::Impl::guard_direct(Instant now, Actions& out) {
  const Tuning& tuning = config_.tuning;
  DirectPath* path = checks_.find(*view_.endpoint);
  if (now - place_since_ >= tuning.stays_direct) path->backoff = {};
  Quiet quiet = quiet_on_direct(now, *path);
  if (quiet.answers >= tuning.direct_dead / 2 && !punched_in_quiet_) {
    punched_in_quiet_ = true;
    checks_.punch(now);
  }
  if (!initiator_) return;
  bool dead = quiet.answers >= tuning.direct_dead && quiet.received >= tuning.direct_dead;
  bool unverifiable = quiet.answers >= tuning.direct_unverifiable;
  bool silent =
      quiet.received >= tuning.wireguard_silent ||
      (lost_probes_ >= tuning.lost_tunnel_probes && quiet.received >= tuning.probes_silent);
  // An outage is no loss.
  bool lossy = quiet.answers < tuning.keepalive && must_leave_direct(path->quality, relay_quality_);
  if (dead || unverifiable) return leave_direct(now, *view_.endpoint, {}, out);
  if (silent) {
    last_failure_ = Switch::Outcome::silent;
    return leave_direct(now, *view_.endpoint, tuning.avoid_when_silent, out);
  }
  if (lossy) return leave_direct(now, *view_.endpoint, tuning.longest_backoff, out);
  const DirectPath* best = best_direct(now, view_.endpoint);
  if (best &&
      is_better_direct(best->candidate.kind, best->quality, path->candidate.kind, path->quality))
    start_switch(now, *best, out);
}

void PeerPath::Impl::leave_direct(Instant now, Endpoint from, Duration at_least, Actions& out) {
  if (const DirectPath* other = best_direct(now, from)) return start_switch(now, *other, out);
  auto relay = best_relay();
  if (!relay || !both_ready()) return;
  avoid(now, from, at_least);
  ++counters_.fallbacks;
  replace(now, relay->binding.endpoint, out);
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
  if (switch_.active())
    checks_.watch(now, switch_.plan().to, tuning.switch_keepalive);
  else if (has_session(now) && where() == Where::direct)
    checks_.watch(now, view_.endpoint, tuning.keepalive);
  else
    checks_.watch(now, std::nullopt, {});
}

void PeerPath::Impl::poll_rate(Instant now, Actions& out) {
  bool fast = switch_.active();
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
