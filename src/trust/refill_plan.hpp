// When this device hands a control server that went back to an old backup what it has forgotten of
// a party (trust/hand_back.hpp), and when it asks again about a party that the server says it
// doesn't know. Each waits for itself: neither delays the other.
#pragma once

#include <optional>

#include "base/backoff.hpp"
#include "base/time.hpp"

namespace lanrage::trust {

class RefillPlan {
 public:
  enum class Server { has_all, lacks_records, out_of_reach };  // of what we can hand back
  enum class Step { hand_back, ask_again };

  // After it was seen to lack records, by lot within so long: mostly another member is faster.
  static constexpr Duration kLots = std::chrono::seconds(2);
  static constexpr Backoff::Range kRetry{std::chrono::seconds(30), std::chrono::minutes(10)};
  static constexpr Backoff::Range kAskAgain{std::chrono::seconds(4), std::chrono::minutes(5)};

  // `random` outlives it.
  explicit RefillPlan(Random& random) : random_(random) {}

  // The server as it is now; before each next_step().
  void look(Instant now, Server server);
  // It says that it has no such party, or that we aren't in it.
  void on_unknown_party(Instant now);
  // It does know it.
  void on_party_shown();

  // What is due, each once. After hand_back comes on_handed_back(), whatever became of it: the
  // server tells it as events; should it not, or have refused, later again.
  std::optional<Step> next_step(Instant now);
  void on_handed_back(Instant now);
  std::optional<Instant> next_timeout() const;

 private:
  Random& random_;
  Backoff retry_{kRetry, random_};
  Backoff ask_again_{kAskAgain, random_};
  std::optional<Instant> hand_back_at_;
  std::optional<Instant> ask_at_;
  Instant not_before_{};  // a hand-back
  bool handing_back_ = false;
};

}  // namespace lanrage::trust
