// What a PeerPath tells people about itself.
#include <algorithm>

#include "path/peer_path_impl.hpp"

namespace lanrage::path {

// On a LAN, for one, where nobody outside matters.
bool PeerPath::Impl::heard_since(Instant at) const {
  return rx_moved_ > at || std::ranges::any_of(checks_.paths(), [&](const DirectPath& path) {
           return path.answered && *path.answered > at;
         });
}

PathFacts PeerPath::Impl::facts(Instant now) const {
  PathFacts facts;
  if (local_) {
    facts.own_nat = local_->nat;
    facts.relays = !local_->relays.empty();
    if (local_->silence && !heard_since(local_->silence->since)) facts.silence = local_->silence;
  }
  if (remote_) {
    facts.peer_nat = remote_->nat;
    facts.peer_without_relay =
        remote_->relays.empty() && began_ && now - *began_ >= config_.tuning.relays_found_by;
  }
  facts.initiator = initiator_;
  facts.packet_filter = config_.packet_filter;
  facts.signal_seen = remote_.has_value();
  facts.ready = both_ready();
  facts.common_relay = best_relay(now).has_value();
  facts.punching = checks_.punching_hard(now);
  facts.tried = checks_.paths().size();
  facts.switching = switch_.active();
  facts.last_failure = last_failure_;
  for (const DirectPath& path : checks_.paths()) {
    facts.any_answer = facts.any_answer || works_at_rest(now, path);
    facts.works = facts.works || checks_.is_valid(now, path);
  }
  if (const DirectPath* lossy = lossy_direct(now)) {
    facts.direct_loss = lossy->quality.loss();
    if (relay_quality_.measured()) facts.relay_loss = relay_quality_.loss();
  }
  return facts;
}

// With hysteresis; an outage is no loss, and shows by itself.
void PeerPath::Impl::note_loss(Instant now) {
  const Tuning& tuning = config_.tuning;
  const DirectPath* path = direct_in_use(now);
  if (switch_.active() || (path && checks_.in_outage())) return;
  const PathQuality& quality = path ? path->quality : tunnel_quality_;
  lossy_ = has_session(now) && quality.measured() &&
           quality.loss() >= (lossy_ ? tuning.connected_below : tuning.degraded_from);
}

PathStatus PeerPath::Impl::status(Instant now) const {
  PathStatus out;
  if (!has_session(now)) {
    bool failed = began_ && now - *began_ >= config_.tuning.failed_after;
    out.state = failed ? State::failed : State::connecting;
    out.why_relayed = why_not_connected(facts(now));
    return out;
  }
  out.endpoint = view_.endpoint;
  const DirectPath* path = view_.endpoint ? checks_.find(*view_.endpoint) : nullptr;
  const PathQuality* quality = &tunnel_quality_;
  bool troubled = lossy_ || lost_probes_ >= 3 || (traffic_.unanswered() && traffic_.probes() >= 4);
  // During a switch WireGuard's endpoint runs ahead of what is certain.
  bool direct = where() == Where::direct && !(switch_.active() && switch_.plan().back_is_relay);
  if (direct) {
    out.path = PathKind::direct;
    out.kind = path->candidate.kind;
    quality = &path->quality;
    troubled = troubled || checks_.watched_losses() >= 3;
  } else {
    out.path = PathKind::relay;
    if (switch_.active()) out.endpoint = switch_.plan().back;
    const RelayBinding* relay = out.endpoint ? relay_at(*out.endpoint) : nullptr;
    if (relay) out.relay = relay->id;
    const PathFacts known = facts(now);
    out.why_relayed = why_relayed(known);
    troubled = troubled || known.silence;
  }
  out.state = troubled ? State::degraded : State::connected;
  out.rtt = quality->rtt();
  out.jitter = quality->jitter();
  out.loss = quality->loss();
  return out;
}

void PeerPath::Impl::report(Instant now, Actions& out) {
  PathStatus status = this->status(now);
  std::string text(name_of(status.path));
  text.append(" ").append(name_of(status.state)).append(" ");
  if (status.endpoint) text += status.endpoint->to_string();
  text.append(" ").append(status.relay.value_or("")).append(" ").append(status.why_relayed);
  if (text == reported_) return;
  reported_ = std::move(text);
  out.push_back(StateChanged{});
}

}  // namespace lanrage::path
