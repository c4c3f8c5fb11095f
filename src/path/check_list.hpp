// The direct paths to one peer: where to send checks, when, and what came of it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/random.hpp"
#include "path/action.hpp"
#include "path/candidate.hpp"
#include "path/check.hpp"
#include "path/selector.hpp"
#include "path/tuning.hpp"

namespace lanrage::path {

// One endpoint of the peer.
struct DirectPath {
  Candidate candidate;
  bool listed = false;                // in the peer's newest signal
  std::optional<Instant> sent;        // our last check
  std::optional<Instant> answered;    // the last answer to one
  std::optional<Instant> unanswered;  // the first that left since then
  std::optional<Endpoint> seen_as;    // where the peer saw our last answered check come from
  std::optional<Instant> heard;       // the last authentic check from there
  int extra_left = 0;
  PathQuality quality;
  int lost = 0;         // checks in a row
  PathQuality usual{};  // before the first of them
  // After a failed use of this path: not before, and how long next time.
  Instant avoid_until{};
  Duration backoff{};
  std::optional<Instant> failed;  // left as dead: answers to checks before that say nothing

  bool checked() const { return answered || heard; }
  // Answered within `span`, and since it was last left as dead.
  bool works(Instant now, Duration span) const {
    return answered && now - *answered <= span && (!failed || *answered > *failed);
  }
};

class CheckList {
 public:
  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
  };
  struct Answer {
    Endpoint from;
    Instant sent_at;
    PathState peer_state;
    bool same_mapping = true;  // the peer saw it come from where it saw the one before
  };

  CheckList(const PeerId& self, const PeerId& peer, std::vector<Prefix> excluded,
            const Tuning& tuning, Random& random);

  // The peer's newest list and password. Punches hard when they are new. Paths that left the list
  // stay if something was ever heard on them.
  void set_remote(Instant now, std::span<const Candidate> candidates,
                  const CheckPassword& password);
  void forget_remote();  // the peer's agent has restarted
  void punch(Instant now);
  // What our checks say of our WireGuard's present path.
  void set_state(PathState state) { state_ = state; }
  // Checks this path every `interval`, besides the rounds; nothing: none.
  void watch(Instant now, std::optional<Endpoint> endpoint, Duration interval);

  // An authentic check came from there.
  void on_check(Instant now, const Endpoint& from);
  // One check to `to` very soon, unless one left less than check_lost ago.
  void ask(Instant now, const Endpoint& to);
  bool knows(const stun::TransactionId& id) const;
  std::optional<Answer> on_response(Instant now, const Endpoint& from,
                                    const stun::MessageView& response);
  void on_timeout(Instant now, Actions& out);
  std::optional<Instant> next_timeout() const;

  bool punching_hard(Instant now) const { return now < hard_until_; }
  bool can_check() const { return password_.has_value(); }
  // Works both ways: answered lately, and the peer's own checks came too or it says it is direct.
  bool is_valid(Instant now, const DirectPath& path) const;
  std::span<const DirectPath> paths() const { return paths_; }
  const DirectPath* find(const Endpoint& endpoint) const;
  DirectPath* find(const Endpoint& endpoint);
  // The last checks of the watched path that went unanswered, in a row.
  int watched_losses() const;
  // They are more than its usual loss explains.
  bool in_outage() const;
  const Counters& counters() const { return counters_; }

 private:
  struct Planned {
    Endpoint to;
    bool opener;
  };
  struct Outstanding {
    stun::TransactionId id;
    Endpoint to;
    Instant sent_at;
    bool opener;
    Duration wait;  // for the answer
  };

  DirectPath* add(const Candidate& candidate);
  void plan(Instant now, const Endpoint& to, bool opener, bool first);
  void plan_round(Instant now);
  void expire(Instant now);
  void send(Instant now, const Planned& planned, Actions& out);
  Duration watch_interval() const;
  // How long a check waits for its answer: shorter on a path in use that is checked often.
  Duration patience(const DirectPath& path) const;

  PeerId self_;
  PeerId peer_;
  std::vector<Prefix> excluded_;
  Tuning tuning_;
  Random* random_;

  std::vector<DirectPath> paths_;
  std::optional<CheckPassword> password_;
  PathState state_ = PathState::none;
  PathState peer_state_ = PathState::none;

  std::deque<Planned> queue_;
  std::vector<Outstanding> outstanding_;
  Instant next_send_{};
  std::optional<Instant> next_round_;
  Instant hard_until_{};
  bool openers_due_ = false;
  Duration gap_{};

  std::optional<Endpoint> watched_;
  Duration watch_interval_{};
  Instant next_watch_{};
  Counters counters_;
};

}  // namespace lanrage::path
