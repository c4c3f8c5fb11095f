// What a PeerPath makes of silence: whether it means anything, and how to find out soon.
//
// A side that sends and hears nothing knows that by itself. A side that only received, or answered,
// sees nothing but quiet when its path dies, so quiet after traffic is asked about by echoes.
#include <algorithm>

#include "path/peer_path_impl.hpp"

namespace lanrage::path {

bool PeerPath::Impl::expects_more() const {
  return traffic_.unanswered() || traffic_.receiving();
}

bool PeerPath::Impl::suspicious(Instant now) const {
  const Tuning& tuning = config_.tuning;
  if (!has_session(now)) return false;
  const int lost = where() == Where::direct ? checks_.watched_losses() : 0;
  if (lost > 0 && lost <= tuning.most_quick_checks) return true;
  return expects_more() && traffic_.silence() >= tuning.silence &&
         traffic_.silence() <= tuning.longest_silence;
}

// WireGuard's counters are read more seldom than silence is to be noticed.
bool PeerPath::Impl::must_look(Instant now) const {
  const Duration since = now - traffic_.received();
  return has_session(now) && expects_more() && since >= config_.tuning.silence &&
         since <= config_.tuning.longest_silence;
}

bool PeerPath::Impl::echoes_are_overdue(Instant now) const {
  const Tuning& tuning = config_.tuning;
  const DirectPath* path = view_.endpoint ? checks_.find(*view_.endpoint) : nullptr;
  const Duration rtt = path ? path->quality.rtt().value_or(Duration{}) : Duration{};
  const Duration wait = std::clamp(4 * rtt, tuning.least_check_wait, tuning.check_lost);
  return traffic_.probes() >= losses_of_an_outage(usual_probe_loss_, tuning.lost_echoes) &&
         traffic_.probing(now) >= wait;
}

void PeerPath::Impl::probe_silence(Instant now, Actions& out) {
  const Tuning& tuning = config_.tuning;
  if (has_session(now) && expects_more() && now - traffic_.received() < tuning.silence)
    wake(traffic_.received() + tuning.silence);
  if (!forgotten_by_relay_ && !suspicious(now)) return;
  if (switch_.active()) return;
  if (where() == Where::direct) ask_other_paths(now);
  // What comes in without being asked for is as good as an answer.
  if (!forgotten_by_relay_ && now - traffic_.received() < tuning.silence)
    return wake(traffic_.received() + tuning.silence);
  if (traffic_.probes() >= tuning.most_probes) return;
  if (now >= next_echo_) {
    traffic_.on_probe(now);
    out.push_back(ProbeTunnel{});
    next_echo_ = now + tuning.probe_gap;
  }
  wake(next_echo_);
}

// Should the path in use turn out to be dead, it must be known which of the others isn't.
void PeerPath::Impl::ask_other_paths(Instant now) {
  std::vector<Endpoint> others;
  for (const DirectPath& path : checks_.paths())
    if (path.candidate.endpoint != view_.endpoint && checks_.is_valid(now, path))
      others.push_back(path.candidate.endpoint);
  for (const Endpoint& other : others)
    checks_.ask(now, other);
}

}  // namespace lanrage::path
