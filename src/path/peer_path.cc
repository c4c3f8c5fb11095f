#include "path/peer_path.hpp"

#include <algorithm>

#include "path/peer_path_impl.hpp"

namespace lanrage::path {

std::string_view name_of(PathKind kind) {
  switch (kind) {
    case PathKind::offline:
      return "offline";
    case PathKind::connecting:
      return "connecting";
    case PathKind::relay:
      return "relay";
    case PathKind::direct:
      return "direct";
  }
  return "unknown";
}

std::string_view name_of(State state) {
  switch (state) {
    case State::connecting:
      return "connecting";
    case State::connected:
      return "connected";
    case State::degraded:
      return "degraded";
    case State::failed:
      return "failed";
  }
  return "unknown";
}

PeerPath::Impl::Impl(PeerPathConfig config, Random& random)
    : config_(std::move(config)),
      initiator_(config_.own_wg < config_.peer_wg),
      random_(&random),
      password_(random.array<16>()),
      checks_(config_.self, config_.peer, config_.excluded, config_.tuning, random),
      connector_(initiator_, config_.tuning, random),
      index_(config_.own_wg, config_.peer_wg),
      switch_(config_.tuning),
      pace_(config_.tuning),
      prediction_(config_.tuning) {}

void PeerPath::Impl::on_local(Instant now, const LocalView& local, Actions& out) {
  if (!began_) began_ = now;
  bool lost = false;
  for (const RelayBinding& binding : local.relays) {
    const RelayBinding* before = relay_at(binding.endpoint);
    bool in_use = view_.endpoint == binding.endpoint;
    lost = lost || (before && in_use && before->generation != binding.generation);
    if (!before || before->generation != binding.generation) connector_.hurry(binding.endpoint);
    if (std::ranges::find(known_relays_, binding.endpoint) == known_relays_.end())
      known_relays_.push_back(binding.endpoint);
  }
  constexpr std::size_t kMaxKnownRelays = 16;
  if (known_relays_.size() > kMaxKnownRelays)
    known_relays_.erase(known_relays_.begin(), known_relays_.end() - kMaxKnownRelays);
  bool moved = local_ && newsworthy(tidy(local_->candidates), local_->nat) !=
                             newsworthy(tidy(local.candidates), local.nat);
  local_ = local;
  note_rtts();
  if (moved && checks_.can_check()) checks_.punch(now);
  if (lost) note_forgetful_relay(now, out);
  signal_due_ = signal_due_ || told_ != news();
  decide(now, out);
}

void PeerPath::Impl::on_signal(Instant now, const Signal& signal, Actions& out) {
  bool restarted = remote_ && remote_->boot != signal.boot;
  if (!remote_ || restarted) {
    signal_due_ = true;  // what we said before may have been lost, or forgotten
    began_ = now;
  }
  if (restarted) {
    checks_.forget_remote();
    prediction_.tell_again(now);
    last_failure_.reset();
    distrust_session(now, out);
  }
  bool news = !remote_ || remote_->ready != signal.ready || remote_->relays != signal.relays;
  if (news && !has_session(now)) began_ = now;
  connector_.hurry();
  remote_ = signal;
  auto candidates = signal.candidates;
  if (!config_.predict_ports && signal.nat == stun::NatType::symmetric)
    std::erase_if(candidates, [](const auto& each) { return each.kind == CandidateKind::guessed; });
  checks_.set_remote(now, candidates, signal.check_password);
  decide(now, out);
}

void PeerPath::Impl::on_check(Instant now, const Endpoint& from, const stun::MessageView& request,
                              Actions& out) {
  if (!is_authentic_check(request, config_.self, config_.peer, password_)) {
    ++counters_.checks_refused;
    return;
  }
  ++counters_.checks_received;
  // A peer that keeps to check_pace never gets there, except by what the network saved up.
  const Duration pace = config_.tuning.answer_pace;
  answers_paid_ = std::max(answers_paid_, now - pace * config_.tuning.answers_at_once);
  if (answers_paid_ + pace > now) return;
  answers_paid_ += pace;
  out.push_back(SendDatagram{from, make_check_response(request, from, own_state(now), password_),
                             std::nullopt});
  last_check_heard_ = now;
  if (from == view_.endpoint) path_used_ = now;
  checks_.on_check(now, from);
  decide(now, out);
}

bool PeerPath::Impl::on_check_response(Instant now, const Endpoint& from,
                                       const stun::MessageView& response, Actions& out) {
  if (!checks_.knows(response.transaction())) return false;
  auto answer = checks_.on_response(now, from, response);
  if (!answer) {
    ++counters_.checks_refused;
    return true;
  }
  punched_in_quiet_ = false;
  if (direct_in_use(now) && answer->from == view_.endpoint) {
    pace_.on_answer(now, idle_before_, answer->same_mapping);
    idle_before_ = {};
    path_used_ = now;
    // Our NAT gave us another port: a packet of WireGuard's tells the peer's where we are now.
    if (!answer->same_mapping) out.push_back(SendKeepalive{});
  }
  if (switch_.active() && answer->from == switch_.plan().to)
    switch_.on_peer_state(now, answer->sent_at, answer->peer_state);
  decide(now, out);
  return true;
}

void PeerPath::Impl::on_wireguard(Instant now, const WireguardView& view, Actions& out) {
  if (!began_) began_ = now;
  if (view.rx_bytes != view_.rx_bytes || view.tx_bytes != view_.tx_bytes) path_used_ = now;
  if (view.rx_bytes != view_.rx_bytes) {
    rx_moved_ = now;
    usual_probe_loss_ = tunnel_quality_.loss();
  }
  traffic_.on_counters(now, view.rx_bytes, view.tx_bytes);
  view_ = view;
  if (forgotten_by_relay_ && !rx_when_forgotten_) rx_when_forgotten_ = view.rx_bytes;
  if (view.latest_handshake) index_.on_handshake(*view.latest_handshake);
  run_switch(now, out, [&](Actions& actions) {
    return switch_.on_wireguard(now, view.endpoint, view.latest_handshake, view.rx_bytes, actions);
  });
  decide(now, out);
}

void PeerPath::Impl::on_handshake_packet(Instant now, ByteView packet, Actions& out) {
  index_.on_received(now, packet);
  decide(now, out);
}

void PeerPath::Impl::on_handshake_sent(Instant now, ByteView packet, Actions& out) {
  index_.on_sent(now, packet);
  decide(now, out);
}

void PeerPath::Impl::on_tunnel_probe(Instant now, std::optional<Duration> rtt, Actions& out) {
  bool relayed = where() == Where::relay;
  if (rtt) {
    tunnel_quality_.on_reply(*rtt);
    if (relayed) relay_quality_.on_reply(*rtt);
    lost_probes_ = 0;
  } else if (has_session(now) && now - place_since_ >= config_.tuning.echo_lost) {
    // An outage is no loss; nor is what was lost on another path before.
    if (traffic_.probes() < config_.tuning.lost_echoes) {
      tunnel_quality_.on_loss();
      if (relayed) relay_quality_.on_loss();
    }
    ++lost_probes_;
  }
  decide(now, out);
}

void PeerPath::Impl::on_link_change(Instant now, Actions& out) {
  if (checks_.can_check()) checks_.punch(now);
  connector_.hurry();
  pace_.restart();
  prediction_.on_link_change();
  signal_due_ = true;
  relay_quality_ = {};
  tunnel_quality_ = {};
  lost_probes_ = 0;
  decide(now, out);
}

void PeerPath::Impl::on_timeout(Instant now, Actions& out) {
  run_switch(now, out, [&](Actions& actions) { return switch_.on_timeout(now, actions); });
  checks_.set_state(own_state(now));
  const DirectPath* path = direct_in_use(now);
  const auto sent_before = path ? path->sent : std::nullopt;
  const int losses_before = checks_.watched_losses();
  const std::size_t first = out.size();
  checks_.on_timeout(now, out);
  ask_around_checks(now, first, out);
  note_checks(now, sent_before, losses_before);
  decide(now, out);
}

std::optional<Instant> PeerPath::Impl::next_timeout() const {
  std::optional<Instant> next = wake_;
  for (auto at : {checks_.next_timeout(), switch_.next_timeout()})
    if (at && (!next || *at < *next)) next = at;
  return next;
}

Signal PeerPath::Impl::signal() const {
  Signal out;
  out.check_password = password_;
  if (!local_) return out;
  out.candidates = with_guesses(tidy(local_->candidates, config_.excluded), prediction_.guesses());
  out.nat = local_->nat;
  out.ready = local_->ready;
  for (const RelayBinding& binding : local_->relays) {
    if (out.relays.size() == kMaxSignalRelays) break;
    const auto told = told_rtts_.find(binding.id);
    out.relays.push_back(
        {binding.id, told == told_rtts_.end() ? std::nullopt : std::optional(told->second)});
  }
  return out;
}

Signal PeerPath::Impl::news() const {
  Signal out = signal();
  out.candidates = newsworthy(std::move(out.candidates), out.nat);
  return out;
}

void PeerPath::Impl::schedule_signal(Instant now, Actions& out) {
  if (!local_) return;
  const Tuning& tuning = config_.tuning;
  bool session = has_session(now);
  if (session) signal_repeat_ = {};
  Instant due = now;
  if (!signal_due_) {
    if (session || !last_signal_) return;
    if (signal_repeat_ == Duration{}) signal_repeat_ = tuning.signal_again;
    due = *last_signal_ + signal_repeat_;
  } else if (last_signal_) {
    due = *last_signal_ + tuning.signal_gap;
  }
  if (now < due) return wake(due);
  if (!signal_due_) signal_repeat_ = std::min(signal_repeat_ * 2, tuning.signal_again_longest);
  out.push_back(SendSignal{});
  signal_due_ = false;
  last_signal_ = now;
  told_ = news();
  if (!session) wake(now + std::max(signal_repeat_, tuning.signal_again));
}

PeerPath::PeerPath(PeerPathConfig config, Random& random)
    : impl_(std::make_unique<Impl>(std::move(config), random)) {}
PeerPath::~PeerPath() = default;
PeerPath::PeerPath(PeerPath&&) noexcept = default;
PeerPath& PeerPath::operator=(PeerPath&&) noexcept = default;

void PeerPath::on_local(Instant now, const LocalView& local, Actions& out) {
  impl_->on_local(now, local, out);
}
void PeerPath::on_signal(Instant now, const Signal& signal, Actions& out) {
  impl_->on_signal(now, signal, out);
}
void PeerPath::on_check(Instant now, const Endpoint& from, const stun::MessageView& request,
                        Actions& out) {
  impl_->on_check(now, from, request, out);
}
bool PeerPath::on_check_response(Instant now, const Endpoint& from,
                                 const stun::MessageView& response, Actions& out) {
  return impl_->on_check_response(now, from, response, out);
}
void PeerPath::on_wireguard(Instant now, const WireguardView& view, Actions& out) {
  impl_->on_wireguard(now, view, out);
}
void PeerPath::on_handshake_packet(Instant now, const Endpoint&, ByteView packet, Actions& out) {
  impl_->on_handshake_packet(now, packet, out);
}
void PeerPath::on_handshake_sent(Instant now, ByteView packet, Actions& out) {
  impl_->on_handshake_sent(now, packet, out);
}
void PeerPath::on_tunnel_probe(Instant now, std::optional<Duration> rtt, Actions& out) {
  impl_->on_tunnel_probe(now, rtt, out);
}
void PeerPath::on_mapping_seen(Instant now, std::uint32_t number, const Endpoint& seen,
                               Actions& out) {
  impl_->on_mapping_seen(now, number, seen, out);
}
void PeerPath::on_link_change(Instant now, Actions& out) {
  impl_->on_link_change(now, out);
}
void PeerPath::on_timeout(Instant now, Actions& out) {
  impl_->on_timeout(now, out);
}
std::optional<Instant> PeerPath::next_timeout() const {
  return impl_->next_timeout();
}
Signal PeerPath::signal() const {
  return impl_->signal();
}
PathStatus PeerPath::status(Instant now) const {
  return impl_->status(now);
}
RelayNeeds PeerPath::relay_needs() const {
  return impl_->relay_needs();
}
const PathCounters& PeerPath::counters() const {
  return impl_->counters();
}
Duration PeerPath::echo_interval(Instant now) const {
  return impl_->echo_interval(now);
}
bool PeerPath::initiator() const {
  return impl_->initiator();
}

}  // namespace lanrage::path
