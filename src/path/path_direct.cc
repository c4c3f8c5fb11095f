// What a PeerPath decides while its peer is reached directly.
#include "path/peer_path_impl.hpp"

namespace lanrage::path {

PeerPath::Impl::Quiet PeerPath::Impl::quiet_on_direct(Instant now, const DirectPath& path) const {
  Instant answered = path.answered ? std::max(*path.answered, place_since_) : place_since_;
  return {now - answered, now - std::max(rx_moved_, place_since_)};
}

bool PeerPath::Impl::suspicious(Instant now) const {
  if (!has_session(now) || traffic_.silence(now) > config_.tuning.longest_silence) return false;
  if (traffic_.unanswered() && traffic_.silence(now) >= config_.tuning.silence) return true;
  return where() == Where::direct && traffic_.busy() && checks_.watched_losses() > 0;
}

bool PeerPath::Impl::echoes_are_lost() const {
  return lost_probes_ >= losses_of_an_outage(usual_probe_loss_, config_.tuning.lost_tunnel_probes);
}

// Under traffic, checks and WireGuard fall silent together within a moment; either alone means
// something else.
bool PeerPath::Impl::direct_is_dead(Instant now, const DirectPath& path) const {
  const Tuning& tuning = config_.tuning;
  const Quiet quiet = quiet_on_direct(now, path);
  const int enough = losses_of_an_outage(checks_.usual_loss(), tuning.lost_checks);
  if (traffic_.unanswered() && quiet.received >= tuning.busy_direct_dead &&
      checks_.watched_losses() >= enough)
    return true;
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
  if (!initiator_) return;
  const bool unverifiable = quiet.answers >= tuning.direct_unverifiable;
  const bool silent = quiet.received >= tuning.wireguard_silent ||
                      (echoes_are_lost() && quiet.received >= tuning.probes_silent);
  // An outage is no loss.
  const bool lossy =
      quiet.answers < tuning.keepalive && must_leave_direct(path->quality, relay_quality_);
  if (direct_is_dead(now, *path) || unverifiable)
    return leave_direct(now, *view_.endpoint, true, {}, out);
  if (silent) {
    last_failure_ = Switch::Outcome::silent;
    return leave_direct(now, *view_.endpoint, true, tuning.avoid_when_silent, out);
  }
  if (lossy) return leave_direct(now, *view_.endpoint, false, tuning.longest_backoff, out);
  const DirectPath* best = best_direct(now, view_.endpoint);
  if (best &&
      is_better_direct(best->candidate.kind, best->quality, path->candidate.kind, path->quality))
    start_switch(now, *best, out);
}

void PeerPath::Impl::leave_direct(Instant now, Endpoint from, bool dead, Duration at_least,
                                  Actions& out) {
  if (DirectPath* path = checks_.find(from); path && dead) path->failed = now;
  if (const DirectPath* other = best_direct(now, from)) return start_switch(now, *other, out);
  auto relay = best_relay(now);
  if (!relay || !both_ready()) return;
  avoid(now, from, at_least);
  ++counters_.fallbacks;
  left_on_purpose_ = true;
  reroute_or_replace_ = true;
  move_to_relay(now, relay->binding.endpoint, out);
}

}  // namespace lanrage::path
