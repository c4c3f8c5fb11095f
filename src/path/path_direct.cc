// What a PeerPath decides while its peer is reached directly.
#include "path/peer_path_impl.hpp"

namespace lanrage::path {

PeerPath::Impl::Quiet PeerPath::Impl::quiet_on_direct(Instant now, const DirectPath& path) const {
  const auto unanswered = path.unanswered.value_or(now);
  return {now - std::max(unanswered, place_since_), now - std::max(rx_moved_, place_since_)};
}

bool PeerPath::Impl::works_at_rest(Instant now, const DirectPath& path) const {
  return path.works(now, config_.tuning.longest_rest * 3 / 2);
}

const DirectPath* PeerPath::Impl::lossy_direct(Instant now) const {
  for (const DirectPath& path : checks_.paths())
    if (works_at_rest(now, path) && (!may_use_direct(path.quality, relay_quality_) ||
                                     must_leave_direct(path.quality, relay_quality_)))
      return &path;
  return nullptr;
}

const DirectPath* PeerPath::Impl::direct_in_use(Instant now) const {
  return has_session(now) && where() == Where::direct ? checks_.find(*view_.endpoint) : nullptr;
}

void PeerPath::Impl::note_checks(Instant now, std::optional<Instant> sent_before,
                                 int losses_before) {
  const DirectPath* path = direct_in_use(now);
  if (!path) return;
  if (losses_before == 0 && checks_.watched_losses() > 0) {
    pace_.on_loss(now, idle_before_);
    idle_before_ = {};
  }
  if (path->sent == sent_before) return;
  idle_before_ = now - std::max(path_used_, place_since_);
  path_used_ = now;
}

Duration PeerPath::Impl::echo_interval(Instant now) const {
  const Tuning& tuning = config_.tuning;
  const bool direct = direct_in_use(now) != nullptr;
  // A relay that was taken for a direct path's loss must soon show that it is better.
  if (!direct && (lossy_ || (!relay_quality_.measured() && lossy_direct(now))))
    return tuning.lossy_keepalive;
  if (traffic_.busy()) return direct ? tuning.busy_direct_echo : tuning.busy_relay_echo;
  return direct ? tuning.idle_direct_echo : tuning.idle_relay_echo;
}

bool PeerPath::Impl::echoes_are_lost() const {
  return lost_probes_ >= losses_of_an_outage(usual_probe_loss_, config_.tuning.lost_tunnel_probes);
}

// Checks and WireGuard fall silent together within a moment; either alone means something else.
bool PeerPath::Impl::direct_is_dead(Instant now, const DirectPath& path) const {
  const Tuning& tuning = config_.tuning;
  const Quiet quiet = quiet_on_direct(now, path);
  const Duration patience = initiator_ ? tuning.busy_direct_dead : tuning.follower_direct_dead;
  const bool asked = traffic_.unanswered() || echoes_are_overdue(now);
  if (asked && quiet.received >= patience && checks_.in_outage()) return true;
  return quiet.answers >= tuning.direct_dead && quiet.received >= tuning.direct_dead;
}

void PeerPath::Impl::guard_direct(Instant now, Actions& out) {
  const Tuning& tuning = config_.tuning;
  DirectPath* path = checks_.find(*view_.endpoint);
  if (now - place_since_ >= tuning.stays_direct) path->backoff = {};
  const Quiet quiet = quiet_on_direct(now, *path);
  if (quiet.answers >= tuning.direct_dead / 2 && !punched_in_quiet_) {
    punched_in_quiet_ = true;
    checks_.punch(now);
  }
  if (!initiator_) return call_by_relay(now, *path, out);
  const bool unverifiable = quiet.answers >= tuning.direct_unverifiable;
  const bool silent = quiet.received >= tuning.wireguard_silent ||
                      (echoes_are_lost() && quiet.received >= tuning.probes_silent);
  // An outage is no loss; and a relay that was tried in vain isn't tried again at once.
  const bool lossy = now >= path->avoid_until && checks_.watched_losses() == 0 &&
                     must_leave_direct(path->quality, relay_quality_);
  if (direct_is_dead(now, *path) || unverifiable)
    return leave_direct(now, *view_.endpoint, true, {}, out);
  if (silent) {
    last_failure_ = Switch::Outcome::silent;
    return leave_direct(now, *view_.endpoint, true, tuning.avoid_bad, out);
  }
  if (lossy) return leave_direct(now, *view_.endpoint, false, tuning.avoid_bad, out);
  const DirectPath* best = best_direct(now, view_.endpoint);
  if (best &&
      is_better_direct(best->candidate.kind, best->quality, path->candidate.kind, path->quality))
    start_switch(now, *best, out);
}

void PeerPath::Impl::leave_direct(Instant now, Endpoint from, bool dead, Duration at_least,
                                  Actions& out) {
  const auto relay = both_ready() ? best_relay(now) : std::nullopt;
  const DirectPath* other = best_direct(now, from);
  if (!relay && !other) return;
  if (DirectPath* path = checks_.find(from); path && dead) {
    // What killed this path may have killed the others as well, since they were last heard.
    const auto fresh = now - config_.tuning.fresh_answer;
    if (relay && other && other->answered <= std::max(path->answered.value_or(fresh), fresh))
      other = nullptr;
    // Not at every turn while the way out has to wait: a punch is due at once.
    if (!path->failed || now - *path->failed >= config_.tuning.check_lost) checks_.punch(now);
    path->failed = now;
  }
  if (other) return start_switch(now, *other, out);
  avoid(now, from, at_least);
  ++counters_.fallbacks;
  left_on_purpose_ = true;
  reroute_or_replace_ = dead;  // one that loses much still works: back to it, should the relay not
  move_to_relay(now, relay->binding.endpoint, out);
}

// The switcher may not know that the path is dead: what it sends arrives nowhere, but it hears us;
// or it has nothing to send. Packets of ours by the relay take its WireGuard along. It decides what
// follows: if it sends on another path, we follow again.
void PeerPath::Impl::call_by_relay(Instant now, const DirectPath& path, Actions& out) {
  if (!direct_is_dead(now, path) || !index_.peer() || !both_ready()) return;
  const auto relay = best_relay(now);
  if (!relay) return;
  ++counters_.fallbacks;
  checks_.find(path.candidate.endpoint)->failed = now;
  const std::size_t first = out.size();
  out.push_back(SetEndpoint{relay->binding.endpoint});
  absorb(out, first);
  note_place(now, out);
  roam_keepalives_ = kRoamKeepalives;
  wake(now);
}

}  // namespace lanrage::path
