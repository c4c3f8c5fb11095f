// What a PeerPath decides about relays: which one, when to leave it, and how to get there.
#include <algorithm>
#include <tuple>
#include <utility>

#include "path/peer_path_impl.hpp"

namespace lanrage::path {

std::optional<PeerPath::Impl::CommonRelay> PeerPath::Impl::best_relay(Instant now) const {
  auto common = common_relays();
  const auto avoided = [&](const CommonRelay& relay) {
    return std::ranges::any_of(avoided_relays_, [&](const AvoidedRelay& avoid) {
      return avoid.endpoint == relay.binding.endpoint && now < avoid.until;
    });
  };
  // Unmeasured ones last; equal ones by id, so that both sides and every run choose alike.
  auto best = std::ranges::min_element(common, {}, [&](const CommonRelay& relay) {
    const bool closed = relay.binding.loaded && relay.binding.endpoint != view_.endpoint;
    return std::tuple(avoided(relay), closed, relay.rtt.value_or(Duration::max()),
                      relay.binding.id);
  });
  if (best == common.end()) return std::nullopt;
  return *best;
}

RelayNeeds PeerPath::Impl::relay_needs() const {
  RelayNeeds out;
  const RelayBinding* used = view_.endpoint ? relay_at(*view_.endpoint) : nullptr;
  if (used) out.in_use = used->id;
  if (!remote_) return out;
  const auto nearest = std::ranges::min_element(remote_->relays, {}, [](const SignalRelay& relay) {
    return relay.rtt.value_or(Duration::max());
  });
  if (nearest != remote_->relays.end() && nearest->rtt) out.nearest_to_peer = nearest->id;
  return out;
}

void PeerPath::Impl::note_rtts() {
  std::map<std::string, Duration> told;
  for (const RelayBinding& binding : local_->relays) {
    if (!binding.rtt) continue;
    const auto before = told_rtts_.find(binding.id);
    const bool news = before == told_rtts_.end() || is_another_rtt(before->second, *binding.rtt);
    told.emplace(binding.id, news ? *binding.rtt : before->second);
  }
  told_rtts_ = std::move(told);
}

bool PeerPath::Impl::relay_is_dead(Instant now) const {
  const Tuning& tuning = config_.tuning;
  const Instant since = std::max(rx_moved_, place_since_);
  return traffic_.unanswered() && now - since >= tuning.busy_relay_dead &&
         traffic_.probes() >= losses_of_an_outage(usual_probe_loss_, tuning.lost_echoes);
}

void PeerPath::Impl::improve_relayed(Instant now, Actions& out) {
  if (!initiator_ || forgotten_by_relay_) return;
  const Tuning& tuning = config_.tuning;
  const Duration received = now - std::max(rx_moved_, place_since_);
  const bool silent = echoes_are_lost() && received >= tuning.probes_silent;
  // A relay at which we are no longer bound can't make a handshake either: the session waits.
  const bool bound = relay_at(*view_.endpoint) != nullptr;
  if (bound && (silent || received >= tuning.wireguard_silent)) {
    distrust_session(now, out);
    return connect(now, out);
  }
  change_relay(now, out);
  if (!has_session(now) || switch_.active()) return;
  const DirectPath* best = best_direct(now, std::nullopt);
  for (const DirectPath& path : checks_.paths())
    if (now < path.avoid_until) wake(path.avoid_until);
  if (best) start_switch(now, *best, out);
}

void PeerPath::Impl::change_relay(Instant now, Actions& out) {
  const Tuning& tuning = config_.tuning;
  if (relay_is_dead(now)) avoid_relay(now, *view_.endpoint, tuning.avoid_relay);
  auto best = best_relay(now);
  const Instant measured = place_since_ + tuning.relays_measured;
  const bool correcting = !relay_corrected_ && now >= measured;
  if (!relay_corrected_ && !correcting) wake(measured);
  if (correcting) relay_corrected_ = true;
  if (!best || best->binding.endpoint == view_.endpoint) return;
  auto common = common_relays();
  auto current = std::ranges::find_if(
      common, [&](const CommonRelay& relay) { return relay.binding.endpoint == view_.endpoint; });
  const bool dead = current == common.end() || relay_is_dead(now);
  if (!dead) {
    if (!current->rtt && now < measured) return;  // soon known
    const bool lately = relay_changed_ && now - *relay_changed_ < tuning.relay_change_every;
    const bool better = correcting ? corrects_first_relay(best->rtt, current->rtt)
                                   : !lately && is_better_relay(best->rtt, current->rtt);
    if (!better) return;
  }
  relay_changed_ = now;
  relay_quality_ = {};
  // One that merely got nothing through may be quiet because the peer is: its session is kept.
  reroute_or_replace_ = current == common.end();
  move_to_relay(now, best->binding.endpoint, out);
}

void PeerPath::Impl::avoid_relay(Instant now, const Endpoint& relay, Duration span) {
  std::erase_if(avoided_relays_, [&](const AvoidedRelay& avoided) {
    return now >= avoided.until || avoided.endpoint == relay;
  });
  avoided_relays_.push_back({relay, now + span});
}

void PeerPath::Impl::move_to_relay(Instant now, const Endpoint& relay, Actions& out) {
  if (!index_.peer()) return replace(now, relay, out);
  Switch::Plan plan{relay, view_.endpoint, where() == Where::relay, true, std::nullopt};
  // A relay that still works would carry late packets, and WireGuard would follow them.
  if (plan.back_is_relay && config_.packet_filter && !traffic_.unanswered())
    plan.receiver_index = index_.own();
  ++counters_.reroutes_started;
  std::size_t first = out.size();
  switch_.start(now, plan, view_.latest_handshake, view_.rx_bytes, out);
  absorb(out, first);
}

void PeerPath::Impl::note_reroute(Instant now, const Switch::Plan& plan, Switch::Outcome outcome,
                                  Actions& out) {
  const bool or_replace = std::exchange(reroute_or_replace_, false);
  if (outcome == Switch::Outcome::done) {
    ++counters_.reroutes_done;
    return;
  }
  if (or_replace) return replace(now, plan.to, out);
  avoid_relay(now, plan.to, config_.tuning.avoid_relay);
  left_on_purpose_ = false;
}

void PeerPath::Impl::note_forgetful_relay(Instant now, Actions& out) {
  if (!has_session(now) || !index_.peer()) return distrust_session(now, out);
  forgotten_by_relay_ = now;
  rx_when_forgotten_.reset();
}

void PeerPath::Impl::wait_for_routes(Instant now, Actions& out) {
  if (!forgotten_by_relay_) return;
  const bool over = now >= *forgotten_by_relay_ + config_.tuning.route_grace;
  if (!has_session(now) || (rx_when_forgotten_ && view_.rx_bytes > *rx_when_forgotten_) ||
      where() != Where::relay) {
    forgotten_by_relay_.reset();
  } else if (over) {
    forgotten_by_relay_.reset();
    distrust_session(now, out);
  } else {
    wake(*forgotten_by_relay_ + config_.tuning.route_grace);
  }
}

}  // namespace lanrage::path
