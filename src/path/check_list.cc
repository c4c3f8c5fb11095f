#include "path/check_list.hpp"

#include <algorithm>

#include "path/traffic_watch.hpp"

namespace lanrage::path {
namespace {

// As many learned as listed: a peer behind a symmetric NAT shows a new port for each of ours.
constexpr std::size_t kMaxPaths = 2 * kMaxCandidates;
// A round of all paths with its answers fits; the oldest goes first.
constexpr std::size_t kMaxOutstanding = 128;
// Checks heard so long ago don't prove that the peer can still reach us.
constexpr std::chrono::seconds kHeardFor(35);

// So many lost in a row, at least `least`, are more than the path's usual loss explains.
bool is_outage(const DirectPath& path, int least) {
  return path.lost >= losses_of_an_outage(path.usual.loss(), least);
}

}  // namespace

CheckList::CheckList(const PeerId& self, const PeerId& peer, std::vector<Prefix> excluded,
                     const Tuning& tuning, Random& random)
    : self_(self), peer_(peer), excluded_(std::move(excluded)), tuning_(tuning), random_(&random) {}

void CheckList::set_remote(Instant now, std::span<const Candidate> candidates,
                           const CheckPassword& password) {
  auto list = tidy({candidates.begin(), candidates.end()}, excluded_);
  bool fresh = password_ != password;
  password_ = password;
  for (DirectPath& path : paths_)
    path.listed = false;
  for (const Candidate& candidate : list) {
    DirectPath* path = find(candidate.endpoint);
    if (!path) {
      path = add(candidate);
      fresh = true;
    }
    if (!path) continue;
    path->candidate.kind = candidate.kind;
    path->listed = true;
  }
  std::erase_if(paths_, [](const DirectPath& path) { return !path.listed && !path.checked(); });
  if (fresh) punch(now);
}

void CheckList::forget_remote() {
  paths_.clear();
  queue_.clear();
  outstanding_.clear();
  password_.reset();
  next_round_.reset();
  peer_state_ = PathState::none;
  hard_until_ = {};
}

void CheckList::punch(Instant now) {
  hard_until_ = now + tuning_.hard_punching;
  gap_ = tuning_.first_gap;
  openers_due_ = true;
  next_round_ = now;
}

void CheckList::watch(Instant now, std::optional<Endpoint> endpoint, Duration interval) {
  if (watched_ == endpoint && watch_interval_ == interval) return;
  watched_ = endpoint;
  watch_interval_ = interval;
  const DirectPath* path = endpoint ? find(*endpoint) : nullptr;
  next_watch_ = path && path->sent ? std::max(now, *path->sent + interval) : now;
}

DirectPath* CheckList::add(const Candidate& candidate) {
  if (paths_.size() == kMaxPaths) {
    // Make room by the least promising learned one, if there is one at all.
    auto victim = std::ranges::find_if(paths_, [&](const DirectPath& path) {
      return !path.listed && !path.answered && path.candidate.endpoint != watched_;
    });
    if (victim == paths_.end()) return nullptr;
    paths_.erase(victim);
  }
  paths_.push_back({});
  paths_.back().candidate = candidate;
  return &paths_.back();
}

const DirectPath* CheckList::find(const Endpoint& endpoint) const {
  auto it = std::ranges::find(paths_, endpoint,
                              [](const DirectPath& path) { return path.candidate.endpoint; });
  return it == paths_.end() ? nullptr : &*it;
}

DirectPath* CheckList::find(const Endpoint& endpoint) {
  return const_cast<DirectPath*>(std::as_const(*this).find(endpoint));
}

void CheckList::on_check(Instant now, const Endpoint& from) {
  DirectPath* path = find(from);
  if (!path) {
    auto usable = tidy({{CandidateKind::peer_reflexive, from}}, excluded_);
    if (usable.empty()) return;
    path = add(usable.front());
    if (!path) return;
  }
  path->heard = now;
  // The peer's check has just kept the path: one of both sides is enough while it is idle.
  if (watched_ == from && path->lost == 0 && watch_interval_ >= tuning_.shortest_keepalive)
    next_watch_ = std::max(next_watch_, now + watch_interval_);
  // Triggered check (after RFC 8445 7.3.1.4). Not on a path that works, nor right after another:
  // both sides would keep triggering each other.
  bool works = path->works(now, tuning_.validity);
  bool busy = path->sent && now - *path->sent < tuning_.first_gap;
  if (!works && !busy) plan(now, from, false, true);
}

void CheckList::ask(Instant now, const Endpoint& to) {
  DirectPath* path = find(to);
  if (!path) {
    auto usable = tidy({{CandidateKind::peer_reflexive, to}}, excluded_);
    if (usable.empty()) return;
    path = add(usable.front());
  }
  if (path && (!path->sent || now - *path->sent >= tuning_.check_lost)) plan(now, to, false, true);
}

bool CheckList::knows(const stun::TransactionId& id) const {
  return std::ranges::find(outstanding_, id, &Outstanding::id) != outstanding_.end();
}

std::optional<CheckList::Answer> CheckList::on_response(Instant now, const Endpoint& from,
                                                        const stun::MessageView& response) {
  auto it = std::ranges::find(outstanding_, response.transaction(), &Outstanding::id);
  if (it == outstanding_.end() || !password_) return std::nullopt;
  auto content = read_check_response(response, *password_);
  // RFC 8445 7.2.5.2.1: an answer from elsewhere means that the path isn't symmetric.
  if (!content || from != it->to) return std::nullopt;
  Outstanding sent = *it;
  outstanding_.erase(it);
  ++counters_.answered;
  peer_state_ = content->state;
  bool same_mapping = true;
  if (DirectPath* path = find(sent.to)) {
    if (!path->answered) path->extra_left = tuning_.extra_checks;
    // What was lost while nothing at all went through, before the NATs let it, in between or in an
    // outage, says nothing about the path now. One in use may be checked more seldom than others
    // stay valid.
    const Duration pause = watched_ == sent.to ? 2 * watch_interval_ : Duration{};
    const bool opened = !path->works(now, std::max(tuning_.validity, pause));
    const bool outage = is_outage(*path, opened ? 1 : tuning_.lost_checks);
    if (outage) path->quality = path->usual;
    if (opened || outage) {
      std::erase_if(outstanding_, [&](const Outstanding& earlier) {
        return earlier.to == sent.to && earlier.sent_at < sent.sent_at;
      });
    }
    path->lost = 0;
    path->answered = now;
    path->unanswered.reset();
    same_mapping = path->seen_as.value_or(content->mapped) == content->mapped;
    path->seen_as = content->mapped;
    path->quality.on_reply(now - sent.sent_at);
    if (path->extra_left > 0) {
      --path->extra_left;
      plan(now, sent.to, false, false);
    }
  }
  return Answer{sent.to, sent.sent_at, content->state, same_mapping};
}

int CheckList::watched_losses() const {
  const DirectPath* path = watched_ ? find(*watched_) : nullptr;
  return path ? path->lost : 0;
}

bool CheckList::in_outage() const {
  const DirectPath* path = watched_ ? find(*watched_) : nullptr;
  return path && is_outage(*path, tuning_.lost_checks);
}

bool CheckList::is_valid(Instant now, const DirectPath& path) const {
  if (!path.works(now, tuning_.validity)) return false;
  return peer_state_ == PathState::direct || (path.heard && now - *path.heard < kHeardFor);
}

void CheckList::plan(Instant now, const Endpoint& to, bool opener, bool first) {
  bool queued = std::ranges::any_of(
      queue_, [&](const Planned& planned) { return planned.to == to && planned.opener == opener; });
  if (queued) return;
  if (queue_.empty()) next_send_ = std::max(next_send_, now);
  if (first)
    queue_.push_front({to, opener});
  else
    queue_.push_back({to, opener});
}

void CheckList::plan_round(Instant now) {
  bool hard = punching_hard(now);
  if (openers_due_) {
    for (const DirectPath& path : paths_)
      if (!path.answered && !path.candidate.endpoint.address.is_private())
        plan(now, path.candidate.endpoint, true, false);
    openers_due_ = false;
  }
  for (const DirectPath& path : paths_) {
    if (!(hard && path.works(now, tuning_.validity / 2)))
      plan(now, path.candidate.endpoint, false, false);
  }
  // Rounds that always meet, or never, help nobody: up to a tenth of randomness.
  Duration gap = gap_ + Duration(random_->below(static_cast<std::uint64_t>(gap_.count()) / 10 + 1));
  next_round_ = now + static_cast<Duration::rep>(queue_.size()) * tuning_.check_pace + gap;
  if (hard && *next_round_ >= hard_until_) {
    gap_ = tuning_.first_rest;
    next_round_ = now + gap_;
  } else {
    gap_ = std::min(gap_ * 2, hard ? tuning_.longest_gap : tuning_.longest_rest);
  }
}

void CheckList::expire(Instant now) {
  std::erase_if(outstanding_, [&](const Outstanding& sent) {
    if (now - sent.sent_at < sent.wait) return false;
    DirectPath* path = find(sent.to);
    if (!sent.opener && path && path->answered) {
      if (path->lost++ == 0) path->usual = path->quality;
      path->quality.on_loss();
      if (watched_ == sent.to) next_watch_ = std::min(next_watch_, now);
    }
    return true;
  });
}

Duration CheckList::patience(const DirectPath& path) const {
  if (watched_ != path.candidate.endpoint || watch_interval_ > tuning_.busy_keepalive ||
      !path.quality.rtt())
    return tuning_.check_lost;
  return std::clamp(4 * *path.quality.rtt(), tuning_.least_check_wait, tuning_.check_lost);
}

Duration CheckList::watch_interval() const {
  return watched_losses() > 0 ? std::min(watch_interval_, tuning_.keepalive_when_lost)
                              : watch_interval_;
}

void CheckList::send(Instant now, const Planned& planned, Actions& out) {
  DirectPath* path = find(planned.to);
  if (!path) return;
  auto id = stun::TransactionId::generate(*random_);
  if (outstanding_.size() == kMaxOutstanding) outstanding_.erase(outstanding_.begin());
  outstanding_.push_back({id, planned.to, now, planned.opener, patience(*path)});
  if (!planned.opener) {
    path->sent = now;
    if (!path->unanswered) path->unanswered = now;
  }
  ++counters_.sent;
  SendDatagram action{planned.to, make_check(id, peer_, self_, state_, *password_), std::nullopt};
  if (planned.opener) action.ttl = tuning_.opener_ttl;
  out.push_back(std::move(action));
}

void CheckList::on_timeout(Instant now, Actions& out) {
  expire(now);
  if (!password_) {
    queue_.clear();
    return;
  }
  if (next_round_ && now >= *next_round_) plan_round(now);
  if (watched_ && now >= next_watch_) {
    plan(now, *watched_, false, true);
    next_watch_ = now + watch_interval();
  }
  if (!queue_.empty() && now >= next_send_) {
    Planned planned = queue_.front();
    queue_.pop_front();
    send(now, planned, out);
    next_send_ = now + tuning_.check_pace;
  }
}

std::optional<Instant> CheckList::next_timeout() const {
  std::optional<Instant> next;
  auto consider = [&](Instant at) {
    if (!next || at < *next) next = at;
  };
  for (const Outstanding& sent : outstanding_)
    consider(sent.sent_at + sent.wait);
  if (!password_) return next;
  if (next_round_) consider(*next_round_);
  if (watched_) consider(next_watch_);
  if (!queue_.empty()) consider(next_send_);
  return next;
}

}  // namespace lanrage::path
