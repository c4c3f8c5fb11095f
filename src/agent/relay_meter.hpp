// How far each relay is from our port, whether we are bound there or not.
#pragma once

#include <optional>
#include <vector>

#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "stun/transaction.hpp"

namespace lanrage::agent {

class RelayMeter {
 public:
  // A new target is asked so often in quick succession: the least RTT of these is what the way
  // takes without queues. Later ones are averaged in.
  static constexpr int kQuick = 5;
  static constexpr Duration kQuickGap = std::chrono::milliseconds(300);
  static constexpr Duration kGap = std::chrono::minutes(5);
  static constexpr Duration kGapUnanswered = std::chrono::seconds(5);
  static constexpr int kSilent = 5;  // unanswered in a row: how far it was no longer counts

  // `random` outlives it.
  explicit RelayMeter(Random& random) : random_(random) {}

  // What is known of those that stay is kept.
  void set_targets(Instant now, const std::vector<Endpoint>& targets);
  // Another link, other ways: measures anew, and what was known holds until then.
  void restart(Instant now);
  // It left somebody else without an answer: asked soon.
  void doubt(Instant now, const Endpoint& target);
  // Somebody else measured it.
  void add(const Endpoint& target, Duration rtt);
  // True when the message answered one of our questions.
  bool on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message);
  void on_timeout(Instant now, stun::Datagrams& out);
  std::optional<Instant> next_timeout() const;

  std::optional<Duration> rtt(const Endpoint& target) const;
  bool silent(const Endpoint& target) const;

 private:
  struct Target {
    Endpoint endpoint;
    Instant next;
    Instant asked_at{};
    int asked = 0;
    int unanswered = 0;
    int samples = 0;
    bool silent = false;
    std::optional<Duration> rtt{};
  };
  const Target* find(const Endpoint& endpoint) const;
  Target* find(const Endpoint& endpoint);

  Random& random_;
  stun::Transactions transactions_{{std::chrono::seconds(2), 1, 1}};
  std::vector<Target> targets_;
};

}  // namespace lanrage::agent
