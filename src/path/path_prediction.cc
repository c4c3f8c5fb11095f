// What a PeerPath does to be reachable through a symmetric NAT that counts.
#include "path/peer_path_impl.hpp"

namespace lanrage::path {

// The only pair that it helps. Either type may not be known yet when the first check leaves, and
// there is no second first one.
bool PeerPath::Impl::prediction_may_help() const {
  using enum stun::NatType;
  if (!config_.predict_ports || !local_ || !remote_ || where() == Where::direct) return false;
  const auto is = [](stun::NatType type, stun::NatType wanted) {
    return type == wanted || type == unknown;
  };
  return is(local_->nat, symmetric) && is(remote_->nat, port_restricted_cone);
}

void PeerPath::Impl::ask_around_checks(Instant now, std::size_t first, Actions& out) {
  for (std::size_t i = first; i < out.size(); ++i) {
    const auto* check = std::get_if<SendDatagram>(&out[i]);
    if (!check || !check->to.address.is_v4() || check->to.address.is_private()) continue;
    const DirectPath* path = checks_.find(check->to);
    const bool listed = path && path->listed &&
                        (path->candidate.kind == CandidateKind::server_reflexive ||
                         path->candidate.kind == CandidateKind::host);
    if (!listed) continue;
    const auto questions = prediction_.on_send(now, check->to, prediction_may_help());
    if (!questions) continue;
    counters_.mappings_asked += 2;
    const auto at = out.begin() + static_cast<std::ptrdiff_t>(i);
    out.insert(out.insert(at, AskMapping{questions->before}) + 2, AskMapping{questions->after});
    i += 2;
  }
}

void PeerPath::Impl::on_mapping_seen(Instant now, std::uint32_t number, const Endpoint& seen,
                                     Actions& out) {
  prediction_.on_answer(now, number, seen);
  decide(now, out);
}

void PeerPath::Impl::tell_guesses(Instant now) {
  const bool wanted = local_ && local_->nat == stun::NatType::symmetric && prediction_may_help();
  signal_due_ = prediction_.update(now, wanted) || signal_due_;
  if (const auto over = prediction_.next_timeout()) wake(*over);
}

}  // namespace lanrage::path
